"""Undo several runs at once: put each thing back to its state before the oldest of them.

A thing is a path, a setting in a JSON file, an entry in the kernel's table, or what a command removes. The runs are not
replayed in reverse, because manual edits between them can make a replay impossible.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from provisioner.builder import commands
from provisioner.emulators.copy_out import CopyOut
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.runs.leaves import Act
from provisioner.runs.older import INSTANCES, TAKING, Past, before
from provisioner.runs.undo import CHANGED, DO, SO, Item, orphaned, stands
from provisioner.steps import Step
from provisioner.steps.files import RemoveFile, SetLeaf, SetOwner, WriteFile
from provisioner.steps.programs import Run

OURS = ("/etc/binfmt.d/zz-provisioner-", "/usr/local/lib/provisioner/", "/var/lib/provisioner/")
CONFIRM = "provisioner-confirm-"

Thing = tuple[object, ...]


class Original(NamedTuple):
    """The step that puts a thing back, and our newest step on that thing, or None if no step acts on it alone."""

    back: Step
    newest: Step | None


def thing(step: Step) -> Thing:
    """Return a key that identifies what a step acts on."""
    if isinstance(step, SetLeaf):
        return (step.path, *step.keys)
    if isinstance(step, Run):
        return ("run", step.argv, step.user)
    path = getattr(step, "path", None)
    return (path,) if path else (type(step), str(step))


def collapsed(found: Past) -> Iterator[Original]:
    """Yield each thing once, with the step that puts back what somebody else had there, in the order to run them."""
    every = [
        (receipt, made, step)
        for receipt in reversed(found.known)
        for made in reversed(receipt.made)
        for step in made.undo
    ]
    newest: dict[Thing, Act] = {}
    for receipt, made, _ in every:
        newest.setdefault(thing(made.step), (receipt, made))
    oldest = {thing(step): index for index, (_, _, step) in enumerate(every)}
    for index, (receipt, made, step) in enumerate(every):
        older = [s for _, _, s in every[index + 1 :] if isinstance(s, Run)]
        if oldest[thing(step)] != index or _superseded(step, older) or _alarm(step):
            continue
        last = newest.get(thing(step), (receipt, made))
        if back := before(found, (receipt, made), step, last):
            yield Original(back, last[1].step if thing(last[1].step) == thing(step) else None)


def _superseded(step: Step, older: Collection[Run]) -> bool:
    """Return whether a step only restores a state between two runs. An older run then knows the original state."""
    if isinstance(step, CopyOut):  # the programs are ours, and so were never there before us
        return True
    if isinstance(step, WriteFile) and INSTANCES in step.path:  # of a builder that an older run has registered
        name = step.path.rpartition("/")[2]
        return any(run.argv == commands.forget(name) and run.user == step.user for run in older)
    if not isinstance(step, Run) or TAKING & set(step.argv):
        return False
    names = {word for word in step.argv[2:] if not word.startswith("-")}
    return any(names & set(other.argv[2:]) for other in older)


def _alarm(step: Step) -> bool:
    return isinstance(step, Run) and any(CONFIRM in word for word in step.argv)


def fate(host: Reader, original: Original, builders: Collection[str]) -> Item:
    """Decide what happens to a thing: put it back, leave it because it is already so, or keep somebody's change."""
    back, newest = original
    if orphaned(host, back):
        return Item(back, CHANGED)
    if stands(host, back):
        return Item(back, SO)
    path = str(getattr(back, "path", ""))
    if isinstance(back, WriteFile | RemoveFile) and back.user:
        return Item(back, DO if _names(host, back, builders) else CHANGED)
    if newest is not None and stands(host, newest) is False and not path.startswith(OURS):
        return Item(back, CHANGED)
    if isinstance(back, SetOwner):
        return Item(back, CHANGED)  # the files belong to the user, and stay that way
    return Item(back, DO)


def _names(host: Reader, file: WriteFile | RemoveFile, builders: Collection[str]) -> bool:
    """Return whether a user's file is of one of the builders. One that cannot be read is somebody's change."""
    try:
        text = host.read(file.path, user=file.user) or ""
    except ProvisionerError:
        return False
    return any(name in text or name in file.path for name in builders)
