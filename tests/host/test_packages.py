"""Every way of installing, on a fresh host: installed, the whole job done and proven, removed without a trace."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from provisioner.cli import shipped
from release import layout
from tests.conftest import Boot
from tests.helpers.booted import agent
from tests.hosts import Host, dist, parts

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]

# Every file and folder that is not Docker's, the package managers' own notes, a log, or compiled Python of others.
PLACES = "/etc /usr /opt /root /home /run/provisioner /var/lib /var/cache"
OTHERS = (
    *("/var/lib/docker", "/var/lib/containerd", "/var/lib/dpkg", "/var/lib/apt", "/var/cache/apt"),
    *("/var/lib/rpm", "/usr/lib/sysimage", "/var/lib/dnf", "/var/cache/dnf", "/root/.rpmdb"),
    *("/var/lib/systemd/timers", "/var/lib/systemd/catalog", "/usr/lib/python3*", "/root/.docker/buildx/*"),
)
PRUNED = " -o ".join(f"-path '{path}'" for path in OTHERS)
SURVEY = f"find {PLACES} -xdev \\( {PRUNED} \\) -prune -o -print | sort"
STATE = "/var/lib/provisioner /var/lib/provisioner-check /var/lib/private/provisioner-check /run/provisioner"
HISTORY = f"rm -rf {STATE} /etc/provisioner"
# pip loads them, whether it has a network or not; here a package's script would make them one file.
CERTIFICATES = "mkdir -p /etc/ssl/certs; cat /usr/share/ca-certificates/mozilla/* > /etc/ssl/certs/ca-certificates.crt"
LAYERS: dict[str, Callable[[], tuple[Path, ...]]] = {"pip": parts.venv, "rpm": parts.dnf}
REGISTERED = "systemctl show sysinit.target multi-user.target --property=Wants"
RENAMED = ("/LICENSE", "/CHANGELOG.md")  # Debian has its own place, and its own name, for them


class Way(NamedTuple):
    """A way of installing: what it takes, the commands that install and remove, and where the program is then."""

    file: str
    install: str
    remove: str
    program: str


WAYS = {
    "deb": Way("*.deb", "dpkg --install /tmp/it/*.deb", "dpkg --purge docker-host-provisioner", "/usr/bin/provisioner"),
    "rpm": Way(
        "*.rpm",
        "rpm --initdb; dnf install -y --disablerepo='*' /tmp/it/*.rpm",
        f"dnf remove -y --disablerepo='*' docker-host-provisioner provisioner-test-distribution; {HISTORY}",
        "/usr/bin/provisioner",
    ),
    "pip": Way(
        "*.whl",
        "python3 -m venv --system-site-packages /opt/provisioner\n"
        "/opt/provisioner/bin/pip install --no-index --no-deps --quiet /tmp/it/*.whl\n"
        "/opt/provisioner/bin/provisioner setup",
        f"provisioner setup --remove; rm -r /opt/provisioner; {HISTORY}",
        "/opt/provisioner/bin/provisioner",
    ),
    "one file": Way(
        "provisioner.pyz",
        "install -m 755 /tmp/it/provisioner.pyz /usr/local/bin/provisioner; provisioner setup",
        f"provisioner setup --remove; rm /usr/local/bin/provisioner; {HISTORY}",
        "/usr/local/bin/provisioner",
    ),
    "make install": Way(
        "docker_host_provisioner-*.tar.gz",
        "cat /tmp/it/*.tar.gz | tar --extract --gzip --directory=/tmp/it --strip-components=1\n"
        "cd /tmp/it; python3 -B -m release.install install",  # which is all that `make install` runs
        f"cd /tmp/it; python3 -B -m release.install uninstall; {HISTORY}",
        "/usr/local/bin/provisioner",
    ),
}


@pytest.mark.parametrize("name", WAYS)
def test_what_is_installed_does_the_whole_job_and_leaves_no_trace(boot: Boot, name: str) -> None:
    host = boot("trixie", layers=("qemu", *LAYERS.get(name, tuple)()))
    if name == "pip":
        host.sh(CERTIFICATES, check=True)
    before = survey(host)
    whole_job(host, WAYS[name])
    assert survey(host) == before
    assert "provisioner" not in host.sh(REGISTERED, check=True).stdout


def test_the_same_package_serves_debian_12(boot: Boot) -> None:
    host = boot("bookworm", layers=("qemu", "buildx"))
    before = survey(host)
    whole_job(host, WAYS["deb"], applied=5)  # its engine is too old for the image store
    assert survey(host) == before


def survey(host: Host) -> list[str]:
    """Return what is there. buildx makes a folder of its own when it is asked anything, so it is asked before."""
    host.sh("docker buildx ls", check=True)
    return host.sh(SURVEY, check=True).stdout.splitlines()


def whole_job(host: Host, way: Way, applied: int = 0) -> None:
    """Install, apply with a proof, check by the unit, read what belongs to it, take everything back, remove."""
    put(host, way)
    host.sh(f"set -e\n{way.install}", check=True, timeout=200)
    assert host.sh("readlink -f $(command -v provisioner)").stdout.strip() in (way.program, shipped.PROGRAM)
    assert host.run("provisioner", "--version").stdout == f"provisioner {dist.number()}\n"
    assert "provisioner-recover.service" in host.sh(REGISTERED, check=True).stdout
    prefix = "/usr" if way.program.startswith("/usr/bin/") else "/usr/local"
    there = host.sh(f"find {prefix}/lib {prefix}/share -type f", check=True).stdout
    for file in layout.shipped(prefix):
        assert f"{prefix}/{file.target}" in there or file.target.removeprefix(layout.DOC) in RENAMED, file.target
    done = agent(host, "apply")
    assert done.status == applied, done.stderr
    assert [row["runs"] for row in done.document["proof"]["platforms"]] == [True, True]
    host.run("systemctl", "start", "provisioner-check.service", check=True)
    assert "provisioner" in host.sh("journalctl --catalog --identifier=provisioner").stdout
    removed = agent(host, "remove")
    assert removed.status == 0, removed.stderr
    host.sh(f"set -e\n{way.remove}", check=True, timeout=200)
    host.sh("rm -r /tmp/it; docker image prune --all --force; docker volume prune --all --force")
    assert host.sh("command -v provisioner").status != 0


def put(host: Host, way: Way) -> None:
    """Bring what the way installs to the host, for dnf with a package that stands for a distribution."""
    [found] = dist.folder().glob(way.file)
    host.put(f"/tmp/it/{found.name}", found.read_bytes())
    if found.suffix == ".rpm":
        stand_in = dist.stand_in()
        host.put(f"/tmp/it/{stand_in.name}", stand_in.read_bytes())
