"""Prepare the emulators of an image that is not running: the files that register them at its first boot.

The kernel is not changed, nothing is pulled, and no package is installed. A program must already exist in the image.
"""

from typing import NamedTuple

from provisioner.config.desired import Desired
from provisioner.emulators import boot, changes, keys, modules, observed, sources
from provisioner.emulators.keys import AT_BOOT, CREDENTIALS, FROM, NAME
from provisioner.emulators.wanted import wanted
from provisioner.engine.facts import Facts
from provisioner.model import Difference, Reader
from provisioner.platforms.machine import BINFMT_D
from provisioner.steps import Blocked, Change, Obstacle, Step
from provisioner.steps.files import MakeDirectory

ASPECTS = (AT_BOOT, FROM, CREDENTIALS)  # settings that files alone determine
LATER = "the first apply on the running host brings it"


class Prepared(NamedTuple):
    """The change that files can make now, or None, and one note for each thing that only the running host can do."""

    change: Change | None
    notes: tuple[str, ...]


def prepare(host: Reader, facts: Facts, desired: Desired) -> Prepared:
    """Return the part of the emulators that can be set up with files."""
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
    """Return the program in the image that will be registered at boot, or a text that says why there is none."""
    found = sources.find(host, facts, desired, need.row)
    if isinstance(found, sources.Program) and not found.brought_by:
        return boot.lack(host, found.path) or modules.forbidden(host) or found
    told = isinstance(found, str) and ("/" in found)  # the program exists but cannot be used
    return str(found) if told else f"there is no static {need.row.emulator}"
