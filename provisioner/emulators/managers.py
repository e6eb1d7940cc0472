"""Managers of system containers: how each is recognized from inside, and what it has to allow for a table of its own.

LXD and Incus say in `info` whether they give a container such a table, and then let root of it register. The profile of
older releases of LXC, which Proxmox uses, lets it mount the table and not write to it (lxc/lxc#4520). sysbox mounts
files of its own over /proc/sys.
"""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

from provisioner.emulators.unit import CONTAINER
from provisioner.errors import ProvisionerError
from provisioner.model import Reader

OUTSIDE = "register the emulators on the machine itself"
OWN = f"{OUTSIDE}, or let the container have a table of its own and write to it"
SINCE = "Linux 6.7 and newer"
DAEMONS = (
    f"{OWN} ({SINCE}): `{{0}} config set NAME security.privileged=false security.nesting=true`, if `{{0}} info` says"
    " unpriv_binfmt: true, then restart the container"
)
PROXMOX_FILES = ("/etc/hosts", "/etc/resolv.conf", "/etc/network/interfaces")  # where it marks its own lines


def _text(host: Reader, path: str) -> str:
    """Return a file's text; empty if there is none, or if it is not for this user or no file."""
    with contextlib.suppress(ProvisionerError):
        return host.read(path) or ""
    return ""


class Manager(NamedTuple):
    """A kind of manager. ``there`` recognizes it from inside; ``allow`` is what a person does outside."""

    there: Callable[[Reader], bool]
    allow: str


MANAGERS = (
    Manager(
        lambda host: "sysboxfs" in _text(host, "/proc/self/mountinfo"),
        f"{OUTSIDE}: sysbox lets no container use binfmt_misc, but its containers use the machine's emulators",
    ),
    Manager(lambda host: host.status("/dev/incus") is not None, DAEMONS.format("incus")),
    Manager(lambda host: host.status("/dev/lxd") is not None, DAEMONS.format("lxc")),
    Manager(
        lambda host: any("--- BEGIN PVE ---" in _text(host, path) for path in PROXMOX_FILES),
        f"{OWN} ({SINCE}): in /etc/pve/lxc/ID.conf `unprivileged: 1`, `features: nesting=1,keyctl=1` and, where LXC's"
        " profile still refuses it, `lxc.apparmor.profile: unconfined`, then restart the container",
    ),
    Manager(
        lambda host: _text(host, CONTAINER).strip() == "lxc",
        f"{OWN} ({SINCE}): in its configuration `lxc.idmap`, the include of nesting.conf and, where LXC's profile still"
        " refuses it, `lxc.apparmor.profile = unconfined`, then restart the container",
    ),
)


def hint(host: Reader, otherwise: str = "") -> str:
    """Return what this container's manager has to allow. ``otherwise`` is what a host without a manager does."""
    known = next((manager.allow for manager in MANAGERS if manager.there(host)), "")
    return known or f"in a container: {OWN} ({SINCE}, and an AppArmor profile that allows it){otherwise}"
