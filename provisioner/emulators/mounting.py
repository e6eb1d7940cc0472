"""Plan the steps that mount the table of emulators."""

from provisioner.daemon.managers import by_systemd
from provisioner.emulators import modules
from provisioner.emulators.unit import MOUNT
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.platforms.kernel_table import Mount
from provisioner.platforms.machine import BINFMT
from provisioner.steps import Step
from provisioner.steps.programs import Run


def steps(host: Reader, facts: Facts) -> tuple[Step, ...]:
    """Return the steps that mount the table on the host itself: its entries are lost with the last mount."""
    if facts.mounted:
        return ()
    load = Run(("modprobe", "binfmt_misc"), undo=(Run(("modprobe", "--remove", "binfmt_misc"), lenient=True),))
    before = () if modules.known(host) else (load,)
    if by_systemd(host):
        return (*before, Mount(("systemctl", "start", MOUNT), unmount=("systemctl", "stop", MOUNT)))
    by_hand = ("mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT)
    return (*before, Mount(by_hand, unmount=("umount", BINFMT)))
