"""The distribution's static QEMU: the package for each package manager, and where it puts its programs."""

from typing import NamedTuple

from provisioner.engine.info import version
from provisioner.model import Reader
from provisioner.steps import packages
from provisioner.steps.packages import Manager

NEW = (7,)  # dnf, zypper, apk and pacman offer at least this version


class Package(NamedTuple):
    """The package of one package manager. ``{}`` stands for QEMU's name."""

    program: str
    package: str
    path: str
    since: str = ""  # os-release: an ID, and the first VERSION_ID; testing has no VERSION_ID and matches


TABLE = (
    Package("apt-get", "qemu-user", "/usr/bin/{}", "debian 13"),
    Package("apt-get", "qemu-user-static", "/usr/bin/{}-static"),
    Package("dnf", "qemu-user-static", "/usr/bin/{}-static"),
    Package("zypper", "qemu-linux-user", "/usr/bin/{}"),
    Package("apk", "{}", "/usr/bin/{}"),
    Package("pacman", "qemu-user-static", "/usr/bin/{}-static"),
)


class Found(NamedTuple):
    """This host's package manager, and its package."""

    manager: Manager
    row: Package


def of(host: Reader) -> Found | None:
    """Return this host's package manager and package; None if the package manager is not a known one."""
    manager = packages.manager(host)
    if manager is None:
        return None
    rows = (row for row in TABLE if row.program == manager.program and _suits(host, row.since))
    return Found(manager, next(rows))


def offered(host: Reader, found: Found, name: str) -> tuple[int, ...] | None:
    """Return the version of QEMU that a package would install; None if it is unknown."""
    if found.manager.program != "apt-get":
        return NEW  # every version that these offer is newer than any limit checked
    return version((packages.candidate(host, found.row.package.format(name)) or "").rpartition(":")[2])


def _suits(host: Reader, rule: str) -> bool:
    identity, _, first = rule.partition(" ")
    return not rule or packages.since(host, identity, int(first)) is True
