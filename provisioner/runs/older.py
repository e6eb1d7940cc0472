"""What was ours before the oldest known run, when the history has lost the runs before it.

An undo puts back what a run found. If that was ours as well, it must go: an apply takes away only what is ours, our
files carry a mark, our programs have a folder of their own, and records name our settings and builders.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from provisioner.config import drivers
from provisioner.engine import memory, traces
from provisioner.model import Reader
from provisioner.platforms import binfmt
from provisioner.platforms.kernel_table import Register, Unregister
from provisioner.platforms.machine import BINFMT_D, OURS, VERSIONS
from provisioner.runs import leaves
from provisioner.runs.journal import Made, Receipt
from provisioner.runs.leaves import Act
from provisioner.steps import Step
from provisioner.steps.files import RemoveFile, SetLeaf, WriteFile
from provisioner.steps.programs import Run

TAKING = frozenset(("rm", "--leave", "remove", "purge", "disable", "delete", "--remove", "del", "-R", "umount"))
INSTANCES = "/buildx/instances/"
RULES = f"{BINFMT_D}/{OURS}"
MARKS = ("Written by provisioner", ", by provisioner\n")  # in the first lines of our files

Builder = tuple[str, str]  # a builder's name, and a user for whom it is registered


class Past(NamedTuple):
    """The known runs, oldest first, and the builders that were ours before them."""

    host: Reader
    known: tuple[Receipt, ...]
    builders: frozenset[Builder] = frozenset()


def past(host: Reader, known: tuple[Receipt, ...], swept: Collection[Step] = ()) -> Past:
    """Return what came before some runs. ``swept`` removes what is recognizable on the host."""
    ours = {*_recorded(host), *_named(swept)}
    return Past(host, known, frozenset(ours - set(_named(step for receipt in known for step in receipt.undo))))


def _recorded(host: Reader) -> Iterator[Builder]:
    for engine in memory.engines(host):
        yield from ((name, user) for name, users in memory.builders(host, engine).items() for user in users)


def _named(steps: Iterable[Step]) -> Iterator[Builder]:
    """Yield the builders that some steps take out of users' stores."""
    runs = (step for step in steps if isinstance(step, Run))
    yield from ((run.argv[-1], run.user or "root") for run in runs if run.argv[:-1] == traces.FORGET)


def before(found: Past, oldest: Act, back: Step, newest: Act) -> Step | None:
    """Return the step that puts back what somebody else had there; None if nothing of theirs was there.

    ``back`` undoes the ``oldest`` step on a thing. ``newest`` is the last one on the same thing.
    """
    if _taken(*oldest):
        return None
    if isinstance(back, SetLeaf):
        later = tuple(run for run in found.known if run.number > newest[0].number)
        return leaves.original(found.host, back, newest, later)
    if isinstance(back, WriteFile):
        return _file(found, back)
    if isinstance(back, Register):
        return _entry(found, back)
    return None if isinstance(back, Run) and _makes_again(found, back) else back


def _taken(receipt: Receipt, made: Made) -> bool:
    """Return whether a run took a thing away. It does that only with ours, or to make a builder again."""
    step = made.step
    if isinstance(step, RemoveFile):
        return INSTANCES not in step.path or not _created(receipt, step.path.rpartition("/")[2], step.user)
    if isinstance(step, Run):
        taken = step.argv[:-1] == traces.FORGET or step.argv[:3] == ("docker", "container", "rm")
        return taken and not _created(receipt, step.argv[-1], step.user)
    return isinstance(step, Unregister)


def _created(receipt: Receipt, name: str, user: str) -> bool:
    runs = (made.step for made in receipt.made if isinstance(made.step, Run) and made.step.user == user)
    return any("create" in run.argv and name in run.argv for run in runs)


def _file(found: Past, back: WriteFile) -> Step | None:
    name = back.path.rpartition("/")[2]
    if INSTANCES in back.path:
        return None if (name, back.user or "root") in found.builders else back
    chosen = back.user or "/buildx/" in back.path
    return RemoveFile(back.path, back.user) if marked(back.text) or (chosen and _chose(found, back.text)) else back


def marked(text: str) -> bool:
    """Return whether a file says that it is ours."""
    return any(mark in text for mark in MARKS)


def _chose(found: Past, text: str) -> bool:
    """Return whether a user's choice is a builder that was ours, and is gone or goes."""
    try:
        said = json.loads(text)
    except ValueError:
        said = text.strip()
    name = said.get("Name") if isinstance(said, dict) else said
    return any(name == builder for builder, _ in found.builders | forgotten(found.known))


def forgotten(runs: Iterable[Receipt]) -> frozenset[Builder]:
    """Return the builders of ours that runs took out of users' stores."""
    return frozenset(b for run in runs for made in run.made if _taken(run, made) for b in _named((made.step,)))


def _entry(found: Past, back: Register) -> Step:
    """Return the step for an entry of the kernel's table: ours uses our programs, or is what our file named."""
    old = binfmt.parse_rule(back.line)
    rules = (rule for text in _rule_files(found) for rule in binfmt.parse_rules(text))
    ours = any((rule.name, rule.interpreter) == (old.name, old.interpreter) for rule in rules)
    return Unregister(back.path) if ours or old.interpreter.startswith(f"{VERSIONS}/") else back


def _rule_files(found: Past) -> Iterator[str]:
    """Yield the text of each file of rules of ours, as it was before the oldest known run."""
    undone: dict[str, Step] = {}
    for receipt in reversed(found.known):
        undone |= {path: step for step in receipt.undo if (path := str(getattr(step, "path", ""))).startswith(RULES)}
    yield from (step.text for step in undone.values() if isinstance(step, WriteFile) and marked(step.text))
    names = (name for name in found.host.names(BINFMT_D) if name.startswith(OURS))
    yield from (found.host.read(f"{BINFMT_D}/{name}") or "" for name in names if f"{BINFMT_D}/{name}" not in undone)


def _makes_again(found: Past, back: Run) -> bool:
    """Return whether a command would bring back a builder that was ours."""
    names = {name for name, _ in found.builders}
    words = names | {drivers.container(drivers.first(name)) for name in names}
    return not TAKING & set(back.argv) and bool(words & set(back.argv))
