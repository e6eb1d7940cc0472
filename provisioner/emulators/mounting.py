"""The kernel's table, binfmt_misc: whether the kernel has it, and how it is mounted."""

from provisioner.daemon.managers import by_systemd
from provisioner.emulators.unit import MOUNT
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.platforms.machine import BINFMT
from provisioner.steps import Step
from provisioner.steps.programs import Run


def known(host: Reader) -> bool:
    """Whether the kernel has the file system now, built in or in a module that is loaded."""
    return "binfmt_misc" in (host.read("/proc/filesystems") or "").split()


def steps(host: Reader, facts: Facts) -> tuple[Step, ...]:
    """The steps that bring the table up on the host itself: the last unmount would drop every entry in it."""
    if facts.mounted:
        return ()
    steps: list[Step] = []
    if not known(host):
        steps.append(Run(("modprobe", "binfmt_misc"), undo=(Run(("modprobe", "--remove", "binfmt_misc")),)))
    if by_systemd(host):
        undo = Run(("systemctl", "stop", MOUNT))
        steps.append(Run(("systemctl", "start", MOUNT), undo=(undo,)))
    else:
        undo = Run(("umount", BINFMT))
        steps.append(Run(("mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT), undo=(undo,)))
    return tuple(steps)
