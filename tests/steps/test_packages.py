"""Which packages are installed, by the files of package managers."""

from pathlib import Path

import pytest

from provisioner.host import System
from provisioner.steps import packages


@pytest.mark.parametrize(
    ("machine", "name"), [("x86_64", "amd64"), ("ppc64le", "ppc64el"), ("armv7l", "armhf"), ("riscv64", "riscv64")]
)
def test_a_package_that_dpkg_keeps_for_each_cpu_is_found_by_debian_s_name_of_it(
    machine: str, name: str, tmp_path: Path
) -> None:
    host = System(str(tmp_path), {}, machine)
    there = tmp_path / f"var/lib/dpkg/info/some-package:{name}.list"
    assert not packages.installed(host, "some-package")
    there.parent.mkdir(parents=True)
    there.touch()
    assert packages.installed(host, "some-package")
