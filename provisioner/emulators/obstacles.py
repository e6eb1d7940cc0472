"""What the kernel has against emulators, each by its name: read from /proc, never guessed from a refusal."""

from provisioner.daemon.service import by_systemd
from provisioner.emulators.mounts import mount
from provisioner.engine.facts import Facts
from provisioner.engine.info import version
from provisioner.model import Reader
from provisioner.platforms.machine import BINFMT
from provisioner.steps import Obstacle, Step
from provisioner.steps.programs import Run

F_FLAG = (4, 8)
OWN_TABLES = (6, 7)  # from here on, a user namespace may have a table of its own
MOUNT_UNIT = "proc-sys-fs-binfmt_misc.mount"
EVERY_ID = ["0", "0", "4294967295"]


def release(host: Reader) -> str:
    """What ``uname -r`` says."""
    return (host.read("/proc/sys/kernel/osrelease") or "").strip()


def namespaced(host: Reader) -> bool:
    """Whether this is a user namespace: from Linux 6.7 on it may have a table of its own, which nobody outside sees."""
    return (host.read("/proc/self/uid_map") or " ".join(EVERY_ID)).split() != EVERY_ID


def obstacle(host: Reader, facts: Facts) -> Obstacle | None:
    """Why no emulator can be registered here; None: nothing speaks against it."""
    name = release(host)
    number = version(name)
    if number is not None and number < F_FLAG:
        message = f"Linux {name} has no F flag (4.8 brought it), so no emulator would work in a container"
        return Obstacle("kernel-too-old", message, "upgrade the kernel", fatal=True)
    if number is not None and number < OWN_TABLES and namespaced(host):
        message = f"this is a user namespace, and before Linux 6.7 (here {name}) only the machine itself has emulators"
        return Obstacle("user-namespace", message, "run provisioner on the machine itself", fatal=True)
    if not facts.mounted:
        return _missing(host, name)
    if "ro" in mount(host, BINFMT).options:
        hint = f"in a container: run provisioner on the machine itself; else: mount -o remount,rw {BINFMT}"
        return Obstacle("read-only", f"{BINFMT} is mounted read-only", hint, fatal=True)
    if (host.read(f"{BINFMT}/status") or "").strip() == "disabled":
        message = f"binfmt_misc is switched off as a whole ({BINFMT}/status)"
        return Obstacle("switched-off", message, f"echo 1 > {BINFMT}/status")
    return None


def mounting(host: Reader, facts: Facts) -> tuple[Step, ...]:
    """The steps that bring the table up on the host itself: the last unmount would drop every entry in it."""
    if facts.mounted:
        return ()
    steps: list[Step] = []
    if not _built_in(host):
        steps.append(Run(("modprobe", "binfmt_misc"), undo=(Run(("modprobe", "--remove", "binfmt_misc")),)))
    if by_systemd(host):
        undo = Run(("systemctl", "stop", MOUNT_UNIT))
        steps.append(Run(("systemctl", "start", MOUNT_UNIT), undo=(undo,)))
    else:
        undo = Run(("umount", BINFMT))
        steps.append(Run(("mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT), undo=(undo,)))
    return tuple(steps)


def _missing(host: Reader, name: str) -> Obstacle | None:
    """Why the table cannot even be mounted."""
    if _built_in(host) or any("/binfmt_misc.ko" in (host.read(p) or "") for p in _lists(name)):
        return None
    message = f"Linux {name} has no binfmt_misc here, and no module of it is installed"
    hint = (
        f"install the modules that belong to it (Ubuntu: apt-get install linux-modules-extra-{name}; others: the"
        " distribution's ordinary kernel instead of a trimmed one), then apply again"
    )
    return Obstacle("no-module", message, hint, fatal=True)


def _built_in(host: Reader) -> bool:
    """Whether the kernel has the file system now, by itself or by a module that is loaded."""
    return "binfmt_misc" in (host.read("/proc/filesystems") or "").split()


def _lists(name: str) -> tuple[str, ...]:
    folders = (f"/lib/modules/{name}", f"/usr/lib/modules/{name}")
    return tuple(f"{folder}/modules.{kind}" for folder in folders for kind in ("dep", "builtin"))
