"""systemd-binfmt.service: what prevents it from registering the files of binfmt.d at the next boot."""

import contextlib
from collections.abc import Iterator

from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.platforms.machine import BINFMT
from provisioner.typed import NamedTuple

NAME = "systemd-binfmt.service"
FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
APPLIERS = ("/usr/lib/systemd/systemd-binfmt", "/lib/systemd/systemd-binfmt")
MOUNT, AUTOMOUNT = "proc-sys-fs-binfmt_misc.mount", "proc-sys-fs-binfmt_misc.automount"
REMOTE = frozenset(("nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "glusterfs", "virtiofs"))
CONTAINER = "/run/systemd/container"  # systemd writes the kind of container here
EVERYWHERE = ("ConditionPathIsMountPoint", "ConditionDirectoryNotEmpty")  # conditions of the original unit


class Condition(NamedTuple):
    """One condition of a unit, and whether a drop-in adds it."""

    name: str
    value: str
    added: bool


def lack(host: Reader, interpreter: str) -> str:
    """Return why the service does not register an interpreter at the next boot; empty if it does."""
    if not any(host.stat(a) for a in APPLIERS):
        return "systemd-binfmt is not installed"
    if masked(host, NAME):
        return f"{NAME} is masked"
    for condition in _conditions(host):
        if reason := _unmet(host, condition):
            return reason
    if not _mounted_at_boot(host):
        return "binfmt_misc is not mounted at boot"
    if point := remote(host, interpreter):
        return f"{point} is mounted over the network, later than {NAME} runs"
    return ""


def remote(host: Reader, path: str) -> str:
    """Return the network mount that a path is on; empty if it is on none."""
    if path.startswith("/usr/bin/"):
        return ""
    from provisioner.emulators.mounts import mount

    found = mount(host, path)
    return found.point if found.kind in REMOTE or "_netdev" in found.options else ""


def masked(host: Reader, unit: str) -> bool:
    """Return whether a unit is masked: the file that takes effect is empty or a link to /dev/null."""
    for path in (f"{folder}/{unit}" for folder in FOLDERS):
        if host.link(path) == "/dev/null":
            return True
        if host.stat(path) is not None:
            return host.head(path, 1) == b""
    return False


def _mounted_at_boot(host: Reader) -> bool:
    """Return whether the table is mounted at boot.

    The automount mounts it, except in a container, where systemd skips the automount. Otherwise the mount unit or
    /etc/fstab does.
    """
    automount = not masked(host, AUTOMOUNT) and host.stat(CONTAINER) is None
    wanted = any(
        host.link(f"{folder}/{target}.target.wants/{MOUNT}") is not None
        for folder in FOLDERS
        for target in ("sysinit", "local-fs", "basic", "multi-user")
    )
    lines = (line.split() for line in (host.read("/etc/fstab") or "").splitlines())
    fstab = any(f[1:2] == [BINFMT] and "noauto" not in "".join(f[3:4]).split(",") for f in lines)
    return automount or fstab or (wanted and not masked(host, MOUNT))


def _conditions(host: Reader) -> tuple[Condition, ...]:
    """Return the conditions of the unit and its drop-ins. An empty value removes earlier ones of its name."""
    found: list[Condition] = []
    for name, value, added in _lines(host):
        if value:
            found.append(Condition(name, value, added))
        else:
            found = [c for c in found if c.name != name]
    return tuple(found)


def _lines(host: Reader) -> Iterator[Condition]:
    own = next((p for f in FOLDERS if host.stat(p := f"{f}/{NAME}")), None)
    dropins = {n: f"{f}/{NAME}.d/{n}" for f in reversed(FOLDERS) for n in host.names(f"{f}/{NAME}.d")}
    paths = [*([own] if own else []), *(path for name, path in sorted(dropins.items()) if name.endswith(".conf"))]
    for path in paths:
        for line in (host.read(path) or "").splitlines():
            name, equals, value = line.strip().partition("=")
            if equals and name.startswith("Condition"):
                yield Condition(name.strip(), value.strip(), path != own)


def _unmet(host: Reader, condition: Condition) -> str:
    """Return why a condition will not be met at boot; empty if it will.

    A condition that cannot be evaluated counts as unmet only if a drop-in adds it.
    """
    name, value, added = condition
    plain, wanted = value.lstrip("|").removeprefix("!"), not value.lstrip("|").startswith("!")
    words = f"{name}={value}"
    if name == "ConditionVirtualization":
        where = _virtualization(host)
        if plain not in ("wsl", "container", *where):
            return "" if not wanted or not added else f"{NAME} may not run ({words})"
        if (plain in where) is not wanted:
            return f"{NAME} does not run {'on WSL' if plain == 'wsl' else 'in this container'} ({words})"
        return ""
    if name == "ConditionPathIsReadWrite":
        from provisioner.emulators.mounts import mount

        with contextlib.suppress(DeniedError):  # our own sandbox does not show what the service will see
            return f"{NAME} does not run: {plain} is read-only" if "ro" in mount(host, plain, "1").options else ""
        return ""
    if name == "ConditionPathExists":
        return "" if (host.stat(plain) is not None) is wanted else f"{NAME} does not run ({words})"
    return f"{NAME} may not run ({words})" if added and name not in EVERYWHERE else ""


def _virtualization(host: Reader) -> frozenset[str]:
    """Return what this host is in the terms of ConditionVirtualization, from what files say."""
    kind = (host.read(CONTAINER) or "").strip()
    wsl = "microsoft" in (host.read("/proc/sys/kernel/osrelease") or "").lower()
    return frozenset((*(("wsl",) if wsl else ()), *((kind, "container") if kind else ())))
