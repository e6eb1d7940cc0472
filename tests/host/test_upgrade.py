"""From the last release to this version on a host that is in use: history, record and hold still count."""

import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Boot
from tests.helpers.booted import agent, differences, portrait
from tests.hosts import agent as checkout
from tests.hosts import dist
from tests.hosts.cache import entry

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]
RELEASES = {"0.1.0": "ecbc10aac079ce84579a74c54b0f23d5fdcae0d1"}
INSTALL = """\
set -e
cat /tmp/it/*.tar.gz | tar --extract --gzip --directory=/tmp/it --strip-components=1
cd /tmp/it
python3 -B -m release.install install
"""


def layer(release: str) -> Path:
    """Return a release, installed as its own Makefile does, as a layer."""
    commit = RELEASES[release]
    return entry(f"release-{release}", commit, partial(_install, commit))


def _install(commit: str, into: Path) -> None:
    sources = into.parent / "sources"
    sources.mkdir()
    archive = ("git", "-C", str(checkout.CHECKOUT), "archive", "--output", f"{sources}.tar", commit)
    for argv in (
        archive,
        ("tar", "--extract", "--file", f"{sources}.tar", "--directory", str(sources)),
        ("make", "-C", str(sources), "install", f"DESTDIR={into}"),
    ):
        subprocess.run(argv, check=True, capture_output=True)


@pytest.mark.parametrize("release", RELEASES)
def test_an_upgrade_keeps_history_record_and_hold_and_rolls_back_what_the_old_version_did(
    boot: Boot, release: str
) -> None:
    host = boot("trixie", layers=("qemu", layer(release)))
    assert host.run("provisioner", "--version").stdout == f"provisioner {release}\n"
    before = portrait(host)
    assert agent(host, "apply").status == 0
    host.sh("echo -1 > /proc/sys/fs/binfmt_misc/qemu-aarch64; provisioner check --record", check=False)
    since = agent(host, "check").document["differences"][0]["since"]
    host.run("provisioner", "hold", "--reason", "release week", "--until", "2d", check=True)

    host.put(f"/tmp/it/{dist.sdist().name}", dist.sdist().read_bytes())
    host.sh(INSTALL, check=True)
    assert host.run("provisioner", "--version").stdout == f"provisioner {dist.number()}\n"
    assert host.sh("ls /usr/local/lib/provisioner/provisioner/cli.py").status != 0  # a module that is gone since

    checked = agent(host, "check")
    assert "emulators: linux/arm64" in differences(checked)
    assert checked.document["hold"]["reason"] == "release week"
    assert next(row["since"] for row in checked.document["differences"] if row["resource"] == "emulators") == since
    assert agent(host, "apply").status == 75
    host.run("provisioner", "release", check=True)
    assert agent(host, "apply").status == 0
    assert agent(host, "check").status == 0
    undone = agent(host, "rollback", "1")
    assert (undone.status, undone.document["undone"]) == (0, [2, 1]), undone.stderr
    assert portrait(host) == before
