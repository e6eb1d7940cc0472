"""What several runs have made together, undone at once: each thing goes back to what it was before the oldest of them.

A thing is a path, a setting of a JSON file, an entry of the kernel's table, or what a command takes away. Runs are not
replayed: after a life of seven applies and an edit by hand there is nothing to replay.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from provisioner.model import Reader
from provisioner.runs.journal import Receipt
from provisioner.runs.undo import CHANGED, DO, SO, Item
from provisioner.steps import Step
from provisioner.steps.files import RemoveFile, SetLeaf, SetOwner, WriteFile
from provisioner.steps.programs import Run

TAKING = frozenset(("rm", "--leave", "remove", "purge", "disable", "delete", "--remove", "del", "-R", "umount"))
OURS = ("/etc/binfmt.d/zz-provisioner-", "/usr/local/lib/provisioner/", "/var/lib/provisioner/")
CONFIRM = "provisioner-confirm-"

Thing = tuple[object, ...]


class Original(NamedTuple):
    """A thing as it was: the step that makes it so again, and the newest step of ours on it (None: not on it alone)."""

    back: Step
    newest: Step | None


def thing(step: Step) -> Thing:
    """What a step is about."""
    if isinstance(step, SetLeaf):
        return (step.path, *step.keys)
    if isinstance(step, Run):
        return ("run", step.argv, step.user)
    path = getattr(step, "path", None)
    return (path,) if path else (type(step), str(step))


def collapsed(receipts: Sequence[Receipt]) -> Iterator[Original]:
    """Each thing once, as its oldest undo has it, in the order in which they have to be made. Oldest receipt first."""
    every = [(made, step) for receipt in reversed(receipts) for made in reversed(receipt.made) for step in made.undo]
    newest: dict[Thing, Step] = {}
    for made, _ in every:
        newest.setdefault(thing(made.step), made.step)
    oldest = {thing(step): index for index, (_, step) in enumerate(every)}
    for index, (made, step) in enumerate(every):
        later = [s for _, s in every[index + 1 :] if isinstance(s, Run)]
        if oldest[thing(step)] == index and not _superseded(step, later) and not _alarm(step):
            yield Original(step, newest.get(thing(step), made.step if thing(made.step) == thing(step) else None))


def _superseded(step: Step, older: Collection[Run]) -> bool:
    """Whether a command brings back what was there between two runs only, and an older run knows what it was before."""
    if not isinstance(step, Run) or TAKING & set(step.argv):
        return False
    names = {word for word in step.argv[2:] if not word.startswith("-")}
    return any(names & set(other.argv[2:]) for other in older)


def _alarm(step: Step) -> bool:
    return isinstance(step, Run) and any(CONFIRM in word for word in step.argv)


def fate(host: Reader, original: Original, builders: Collection[str]) -> Item:
    """What becomes of a thing: it goes back, it is so already, or somebody has changed it and it stays."""
    back, newest = original
    if back.stands(host):
        return Item(back, SO)
    path = str(getattr(back, "path", ""))
    if isinstance(back, WriteFile | RemoveFile) and back.user:
        text = host.read(back.path, user=back.user) or ""
        return Item(back, DO if any(name in text or name in back.path for name in builders) else CHANGED)
    if newest is not None and newest.stands(host) is False and not path.startswith(OURS):
        return Item(back, CHANGED)
    if isinstance(back, SetOwner):
        return Item(back, CHANGED)  # the files are the user's own, and stay that
    return Item(back, DO)
