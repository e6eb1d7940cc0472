"""Which packages are installed, by the files of package managers."""

from pathlib import Path

import pytest

from provisioner.errors import CommandError
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


LOCKED = """#!/bin/sh
echo "$*" >> {top}/ran
[ -e {top}/lock ] || exit 0
/bin/rm {top}/lock
printf '%b\\n' "{said}" >&2
exit 1
"""


class Patient(System):
    """A host on which waiting takes no time."""

    waited = 0.0

    def pause(self, seconds: float) -> None:
        self.waited += seconds


@pytest.mark.parametrize(
    ("program", "manager", "said"),
    [
        ("pacman", "pacman", "error: failed to init transaction (unable to lock database)"),
        ("apk", "apk", "ERROR: Unable to lock database: Resource temporarily unavailable"),
        (
            "dpkg",
            "apt-get",
            "dpkg: error: dpkg frontend lock was locked by another process with pid 5\\\\nNote: x\\\\nand y",
        ),
    ],
)
def test_a_removal_waits_for_the_lock_of_another_program(tmp_path: Path, program: str, manager: str, said: str) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/info").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/info/there.list").touch()
    for name in (program, "env"):
        file = tmp_path / "usr/bin" / name
        own = LOCKED.format(top=tmp_path, said=said)
        file.write_text(own if name == program else '#!/bin/sh\nshift 2; exec "$@"\n')
        file.chmod(0o755)
    (tmp_path / "lock").touch()
    host, heard = Patient(str(tmp_path), {}), list[object]()
    packages.RemovePackages(manager, ("there",)).do(host, heard.append)
    assert len((tmp_path / "ran").read_text().splitlines()) == 2
    assert host.waited == packages.AGAIN
    assert f"another program holds the lock of {manager}" in str(heard)


def test_another_failure_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/pacman").write_text("#!/bin/sh\n[ $1 = --query ] || { echo no space >&2; exit 1; }\n")
    (tmp_path / "usr/bin/pacman").chmod(0o755)
    host = Patient(str(tmp_path), {})
    with pytest.raises(CommandError, match="no space"):
        packages.RemovePackages("pacman", ("there",)).do(host, print)
    assert host.waited == 0
