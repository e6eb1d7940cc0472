"""The restart of the engine that runs now, for undos whose history names none."""

from provisioner.config.desired import Desired
from provisioner.daemon.restart import Restart
from provisioner.engine import facts
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.steps import Step


def restart(host: Reader, desired: Desired) -> Step | None:
    """Return the restart of the engine, or None if it is down. It reads its file when it starts."""
    try:
        seen = facts.gather(host, desired, quick=True, far=False)
    except ProvisionerError:
        return None
    return Restart(seen.layout.unit, seen.socket, flavour=seen.engine.kind) if seen.socket else None
