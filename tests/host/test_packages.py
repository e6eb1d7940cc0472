"""Every way of installing, on a fresh host: installed, the whole job done and proven, removed without a trace."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from provisioner.cli import shipped
from release import layout
from tests import pages
from tests.conftest import Boot
from tests.helpers.booted import CERTIFICATES, agent, job
from tests.hosts import Host, dist, parts, recipes

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]

# Every file and folder that is not Docker's, the package managers' own notes, a log, or compiled Python of others.
PLACES = "/etc /usr /opt /root /home /run/provisioner /var/lib /var/cache"
OTHERS = (
    *("/var/lib/docker", "/var/lib/containerd", "/var/lib/dpkg", "/var/lib/apt", "/var/cache/apt"),
    "/var/cache/debconf",
    *("/var/lib/rpm", "/usr/lib/sysimage", "/var/lib/dnf", "/var/cache/dnf", "/root/.rpmdb"),
    *("/var/lib/systemd/timers", "/var/lib/systemd/catalog", "/usr/lib/python3*", "/root/.docker/buildx/*"),
)
PRUNED = " -o ".join(f"-path '{path}'" for path in OTHERS)
SURVEY = f"find {PLACES} -xdev \\( {PRUNED} \\) -prune -o -print | sort"
LAYERS: dict[str, Callable[[], tuple[Path, ...]]] = {"pip": parts.venv, "rpm": parts.dnf}
PAGE = pages.ROOT / "docs/install.md"
REGISTERED = "systemctl show sysinit.target multi-user.target --property=Wants"
RENAMED = ("/LICENSE", "/CHANGELOG.md")  # Debian has its own place, and its own name, for them


# Ubuntu's unit takes no options from /etc/default/docker, where the hosts' registry is named.
UBUNTU = {
    "/etc/systemd/system/docker.service.d/mirror.conf": "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -H fd:// "
    f"--containerd=/run/containerd/containerd.sock --registry-mirror=http://{recipes.REGISTRY}\n"
}
# Distributions have settings of their own for rpmlint: these are Fedora's manual pages and licenses. The package is not
# signed, distributions no longer have groups, a license is not counted as documentation, nfpm gives links no mode,
# what postun removes is the record of a program that is gone, and one source serves both byte orders of MIPS.
RPMLINT = """\
CompressExtension = "gz"
ValidLicenses = ["Apache-2.0"]
Filters = [
  "no-signature", "no-group-tag", "not-listed-as-documentation .*/LICENSE",
  "zero-perms .*target.wants/provisioner-recover", "dangerous-command-in-%postun rm",
  "files-duplicate .*/probes/.*/mips64"
]
"""


class Way(NamedTuple):
    """A way of installing: the file that it takes, where the program is then, and what a reader has already."""

    file: str
    program: str
    before: str = "true"


WAYS = {
    "deb": Way("*.deb", "/usr/bin/provisioner", "mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial"),
    "rpm": Way(
        "*.rpm",
        "/usr/bin/provisioner",
        "printf '[main]\\nassumeyes=True\\n' > /etc/dnf/dnf.conf; rpm --initdb; dnf install /tmp/distribution/*.rpm",
    ),
    "pip": Way(
        "*.whl",
        "/opt/provisioner/bin/provisioner",
        f"{CERTIFICATES}; printf '[global]\\nno-index = true\\n' > /etc/pip.conf",
    ),
    "one-file": Way("provisioner.pyz", "/usr/local/bin/provisioner"),
    "sources": Way(
        "docker_host_provisioner-*.tar.gz",
        "/usr/local/bin/provisioner",
        # a tree has neither make nor gzip's tar: this is all that the two targets run
        "cat /tmp/it/*.tar.gz | tar --extract --gzip --directory=/tmp/it --strip-components=1\n"
        "printf '#!/bin/sh\\nexec python3 -B -m release.install $1\\n' > /usr/bin/make; chmod 755 /usr/bin/make",
    ),
}


@pytest.mark.parametrize("name", WAYS)
def test_what_is_installed_does_the_whole_job_and_leaves_no_trace(boot: Boot, name: str) -> None:
    whole_job(boot("trixie", layers=("qemu", *LAYERS.get(name, tuple)())), name)


def test_the_same_package_serves_debian_12(boot: Boot) -> None:
    whole_job(
        boot("bookworm", layers=("qemu", "buildx")), "deb", applied=5
    )  # its engine is too old for the image store


def test_the_same_package_serves_ubuntu(boot: Boot) -> None:
    # Its engine's containerd store copies only into folders that an image has, and the tests' own BuildKit has no /etc.
    whole_job(boot("noble", layers=("qemu",), files=UBUNTU), "deb", settings="image_store: {backend: unmanaged}\n")


def test_rpmlint_finds_no_fault(boot: Boot) -> None:
    host = boot("trixie", layers=(parts.rpmlint(), *parts.dnf()), docker=False)
    put(host, WAYS["rpm"])
    host.put("/tmp/rpmlint.toml", RPMLINT)
    ran = host.sh("rpmlint --strict --ignore-unused-rpmlintrc --config /tmp/rpmlint.toml /tmp/it/*.rpm")
    assert ran.status == 0, ran.stdout


def survey(host: Host) -> list[str]:
    """Return what is there. buildx makes a folder of its own when it is asked anything, so it is asked before."""
    host.sh("docker buildx ls", check=True)
    return host.sh(SURVEY, check=True).stdout.splitlines()


def whole_job(host: Host, name: str, applied: int = 0, settings: str = "") -> None:
    """Do what the page says to install, apply with a proof, check by the unit, do what the page says to remove."""
    way = WAYS[name]
    install, remove = (block.commands for block in pages.blocks(PAGE) if block.words.get("on") == name)
    put(host, way)
    host.sh(f"set -e\n{way.before}", check=True)
    before = survey(host)
    host.sh(f"set -e\ncd /tmp/it\n{install}", check=True, timeout=200)
    if settings:
        host.put("/etc/provisioner/provisioner.yaml", settings)
    used(host, way, applied)
    removed = host.sh(f"set -e\ncd /tmp/it\n{remove}", check=True, timeout=200)
    assert "stays as it is" not in removed.stdout  # the package's warning for those who have not undone anything
    host.sh("docker image prune --all --force; docker volume prune --all --force")
    assert host.sh("command -v provisioner").status != 0
    assert survey(host) == before
    assert "provisioner" not in host.sh(REGISTERED, check=True).stdout


def used(host: Host, way: Way, applied: int) -> None:
    """Everything that belongs to the program is there, and it does its job."""
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
    job(host, "provisioner-check", check=True)
    assert "provisioner" in host.sh("journalctl --catalog --identifier=provisioner").stdout


def put(host: Host, way: Way) -> None:
    """Bring what the way installs to the host, for dnf with a package that stands for a distribution."""
    [found] = dist.folder().glob(way.file)
    host.put(f"/tmp/it/{found.name}", found.read_bytes())
    if found.suffix == ".rpm":
        stand_in = dist.stand_in()
        host.put(f"/tmp/distribution/{stand_in.name}", stand_in.read_bytes())
