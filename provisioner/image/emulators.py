"""Emulators of an image that does not run: the files that will register them at its first boot, and nothing else.

No kernel is told anything, nothing is pulled and no package installed: a program has to lie in the image already.
"""

from typing import NamedTuple

from provisioner.config.desired import Desired
from provisioner.emulators import boot, changes, keys, observed, sources
from provisioner.emulators.keys import AT_BOOT, CREDENTIALS, FROM, NAME
from provisioner.emulators.wanted import wanted
from provisioner.engine.facts import Facts
from provisioner.model import Difference, Reader
from provisioner.platforms.machine import BINFMT_D
from provisioner.steps import Blocked, Change, Obstacle, Step
from provisioner.steps.files import MakeDirectory

ASPECTS = (AT_BOOT, FROM, CREDENTIALS)  # what files alone decide
LATER = "the first apply on the running host brings it"


class Prepared(NamedTuple):
    """The change that files can make now (None: none), and what is left for the running host, a sentence each."""

    change: Change | None
    notes: tuple[str, ...]


def prepare(host: Reader, facts: Facts, desired: Desired) -> Prepared:
    """What of the emulators can be had as files."""
    quiet = facts._replace(socket="", quick=True)
    want = wanted(desired, quiet).fields
    have = observed.state(host, quiet, want)
    wrong = {
        key: Difference(keys.words(key), have.get(key), value)
        for key, value in want.items()
        if key.aspect in ASPECTS and have.get(key) != value
    }
    steps: list[Step] = []
    blocked: list[Blocked] = []
    kept: list[Difference] = []
    notes: list[str] = []
    for need in changes.needs(quiet, desired, wrong):
        found = _program(host, quiet, desired, need)
        mine = [wrong[key] for key in need.wrong]
        if isinstance(found, sources.Program):
            kept += mine
            steps.append(changes.rule_file(need.row, found, desired))
        elif desired.emulators.source == "directory":
            hint = "put static programs there: emulators.directory is a folder of the image"
            kept += mine
            blocked += Obstacle("no-program", f"{need.row.name}: {found}", hint).blocks(*(d.key for d in mine))
        else:
            notes.append(f"{need.row.name}: {found} in this image; {LATER}")
    if steps and host.stat(BINFMT_D) is None:
        steps.insert(0, MakeDirectory(BINFMT_D))
    change = Change(NAME, tuple(kept), tuple(steps), blocked=tuple(blocked)) if kept else None
    return Prepared(change, tuple(notes))


def _program(host: Reader, facts: Facts, desired: Desired, need: changes.Need) -> sources.Program | str:
    """A program in the image that will be registered at boot; why there is none."""
    found = sources.find(host, facts, desired, need.row)
    if isinstance(found, sources.Program) and not found.brought_by:
        return boot.lack(host, found.path) or found
    told = isinstance(found, str) and ("/" in found)  # of a program that is there and will not do
    return str(found) if told else f"there is no static {need.row.emulator}"
