"""The distribution's static QEMU: which package of which package manager, and where it puts its programs."""

from typing import NamedTuple

from provisioner.engine.info import version
from provisioner.model import Reader

NEW = (7,)  # what dnf, zypper, apk and pacman offer is at least this
SECONDS = 900  # for one package manager over somebody's line


class Packages(NamedTuple):
    """A row: ``program`` gives the manager away. ``{}`` stands for QEMU's name.

    ``refresh`` is run first; empty: the manager sees to that itself.
    """

    program: str
    refresh: tuple[str, ...]
    install: tuple[str, ...]
    remove: tuple[str, ...]
    package: str
    path: str
    since: str = ""  # only for this ID of os-release from this VERSION_ID on, and without one (testing)


_APT = ("apt-get", "install", "--yes", "--no-install-recommends")
_APT_REMOVE = ("apt-get", "remove", "--yes")
_DNF = ("dnf", "install", "--assumeyes", "--setopt=install_weak_deps=False")

TABLE = (
    Packages("apt-get", ("apt-get", "update"), _APT, _APT_REMOVE, "qemu-user", "/usr/bin/{}", "debian 13"),
    Packages("apt-get", ("apt-get", "update"), _APT, _APT_REMOVE, "qemu-user-static", "/usr/bin/{}-static"),
    Packages("dnf", (), _DNF, ("dnf", "remove", "--assumeyes"), "qemu-user-static", "/usr/bin/{}-static"),
    Packages(
        "zypper",
        (),
        ("zypper", "--non-interactive", "install", "--no-recommends"),
        ("zypper", "--non-interactive", "remove"),
        "qemu-linux-user",
        "/usr/bin/{}",
    ),
    Packages("apk", (), ("apk", "add"), ("apk", "del"), "{}", "/usr/bin/{}"),
    Packages(
        "pacman",
        (),
        ("pacman", "--sync", "--noconfirm", "--needed"),
        ("pacman", "--remove", "--noconfirm"),
        "qemu-user-static",
        "/usr/bin/{}-static",
    ),
)


def of(host: Reader) -> Packages | None:
    """The row of this host's package manager; None: it is none that we know."""
    return next((row for row in TABLE if host.program(row.program) and _suits(host, row.since)), None)


def offered(host: Reader, row: Packages, name: str) -> tuple[int, ...] | None:
    """The version of QEMU that a package would bring; None: not known. Nothing of an image is run."""
    if host.asleep:
        return None
    if row.program != "apt-get":
        return NEW  # all that these still offer is newer than what matters
    lines = host.ask("apt-cache", "policy", row.package.format(name)).stdout.splitlines()
    candidates = [line.partition(":")[2].strip() for line in lines if line.strip().startswith("Candidate:")]
    return version(candidates[0].rpartition(":")[2]) if candidates else None


def _suits(host: Reader, rule: str) -> bool:
    if not rule:
        return True
    lines = (host.read("/etc/os-release") or "").splitlines()
    fields = {k: v.strip("\"'") for k, _, v in (line.partition("=") for line in lines)}
    identity, first = rule.split()
    number = fields.get("VERSION_ID", "")
    return fields.get("ID") == identity and (not number.isdigit() or int(number) >= int(first))
