"""What a rollback or a removal takes away, as sentences: the same that a plan says of the way there."""

from collections.abc import Collection, Iterator
from contextlib import suppress

from provisioner.config.desired import Desired
from provisioner.daemon import inventory, losses
from provisioner.engine import facts
from provisioner.engine.kinds import LEAF
from provisioner.errors import ProvisionerError
from provisioner.image_store import consequences
from provisioner.image_store.trial import ClearTrial
from provisioner.model import Reader
from provisioner.steps import Step
from provisioner.steps.files import SetLeaf


def notes(host: Reader, desired: Desired, steps: Collection[Step]) -> Iterator[str]:
    """Yield what is out of sight or different once these steps have undone what an apply did.

    Nothing about what the engine holds if it does not answer, or if this user may not know.
    """
    leaves = [step.keys for step in steps if isinstance(step, SetLeaf)]
    roots = {keys[0] for keys in leaves if keys != LEAF and keys[-1] != LEAF[-1]}
    switch = any(isinstance(step, ClearTrial) for step in steps)
    yield from losses.notes(roots)
    if not switch and not roots & losses.HIDING.keys():
        return
    with suppress(ProvisionerError):  # a note keeps nobody from an undo
        seen = facts.gather(host, desired, far=False)
        lost = inventory.count(host, seen, desired, volumes=bool(roots & losses.HIDING_VOLUMES))
        if lost.images or lost.containers or lost.all_volumes:
            yield f"{inventory.sentence(lost)} go out of sight; an apply shows them again"
        if switch:
            yield from consequences.notes(host, seen)
