"""The distribution's static QEMU: which package of which package manager, and where it puts its programs."""

from typing import NamedTuple

from provisioner.engine.info import version
from provisioner.model import Reader
from provisioner.steps import packages
from provisioner.steps.packages import Manager

NEW = (7,)  # what dnf, zypper, apk and pacman offer is at least this


class Package(NamedTuple):
    """A row: ``{}`` stands for QEMU's name."""

    program: str
    package: str
    path: str
    since: str = ""  # only for this ID of os-release from this VERSION_ID on, and without one (testing)


TABLE = (
    Package("apt-get", "qemu-user", "/usr/bin/{}", "debian 13"),
    Package("apt-get", "qemu-user-static", "/usr/bin/{}-static"),
    Package("dnf", "qemu-user-static", "/usr/bin/{}-static"),
    Package("zypper", "qemu-linux-user", "/usr/bin/{}"),
    Package("apk", "{}", "/usr/bin/{}"),
    Package("pacman", "qemu-user-static", "/usr/bin/{}-static"),
)


class Found(NamedTuple):
    """This host's package manager, and its row."""

    manager: Manager
    row: Package


def of(host: Reader) -> Found | None:
    """What this host has; None: no package manager that we know."""
    manager = packages.manager(host)
    if manager is None:
        return None
    rows = (row for row in TABLE if row.program == manager.program and _suits(host, row.since))
    return Found(manager, next(rows))


def offered(host: Reader, found: Found, name: str) -> tuple[int, ...] | None:
    """The version of QEMU that a package would bring; None: not known."""
    if found.manager.program != "apt-get":
        return NEW  # all that these still offer is newer than what matters
    return version((packages.candidate(host, found.row.package.format(name)) or "").rpartition(":")[2])


def _suits(host: Reader, rule: str) -> bool:
    if not rule:
        return True
    fields = packages.release(host)
    identity, first = rule.split()
    number = fields.get("VERSION_ID", "")
    return fields.get("ID") == identity and (not number.isdigit() or int(number) >= int(first))
