"""Check whether the kernel has the file system binfmt_misc, and plan the steps that mount it."""

from provisioner.daemon.managers import by_systemd
from provisioner.emulators.unit import MOUNT
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.platforms.machine import BINFMT
from provisioner.steps import Step
from provisioner.steps.programs import Run


def known(host: Reader) -> bool:
    """Return whether the kernel has the file system now, built in or as a loaded module."""
    return "binfmt_misc" in (host.read("/proc/filesystems") or "").split()


def steps(host: Reader, facts: Facts) -> tuple[Step, ...]:
    """Return the steps that mount the table on the host itself: its entries are lost with the last mount."""
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
