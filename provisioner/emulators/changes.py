"""What it takes to have each platform's emulator registered: decided per architecture, for each has one entry.

Somebody else's entry is kept while it works, and is not touched when it does not, until the configuration says
``replace``. An entry of another name that serves the same programs stays, too: of two, the kernel asks the later one.
"""

from typing import NamedTuple

from provisioner.config.desired import Desired
from provisioner.emulators import boot, emulated, obstacles, persistence, sources
from provisioner.emulators.emulated import AT_BOOT, CREDENTIALS, FROM, MOUNTED, NAME
from provisioner.emulators.sources import Program
from provisioner.engine.facts import Facts
from provisioner.model import Difference, Reader
from provisioner.platforms import binfmt, elf
from provisioner.platforms.kernel_table import Register
from provisioner.platforms.machine import BINFMT, BINFMT_D
from provisioner.platforms.table import Platform
from provisioner.steps import Blocked, Change, Obstacle, Step
from provisioner.steps.files import MakeDirectory, WriteFile

SUFFIXES = ("", AT_BOOT, FROM, CREDENTIALS)


class Need(NamedTuple):
    """An architecture that needs something: its row, the keys that are wrong, and which aspects these are."""

    row: Platform
    keys: tuple[str, ...]
    aspects: frozenset[str]

    @property
    def now(self) -> bool:
        """Whether the kernel's entry has to be made, or made anew; else the file for the next boot is all."""
        return bool(self.aspects - {AT_BOOT})


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> Change:
    """The steps that mend the differences, and what holds some of them."""
    keys = {d.key for d in differences}
    if facts.kind.emulators == "root":
        return Change(NAME, differences, blocked=tuple(_roots(d.key) for d in differences))
    if obstacle := obstacles.obstacle(host, facts):
        return Change(NAME, differences, blocked=obstacle.blocks(*(d.key for d in differences)))
    rules = boot.rules(host)
    blocked: list[Blocked] = []
    restored: list[Step] = []
    found: dict[str, tuple[Need, Program]] = {}
    for need in needs(facts, desired, keys):
        outcome = _decide(host, facts, desired, need, rules)
        if isinstance(outcome, Obstacle):
            blocked += outcome.blocks(*need.keys)
        elif isinstance(outcome, Program):
            found[str(need.row.emulator)] = (need, outcome)
        else:
            restored.append(outcome)
    steps = _steps(host, facts, desired, found)
    if isinstance(steps, Obstacle):
        wrong = [key for need, _ in found.values() for key in need.keys]
        return Change(NAME, differences, blocked=(*blocked, *steps.blocks(*wrong)))
    mounting = obstacles.mounting(host, facts) if MOUNTED in keys else ()
    return Change(
        NAME, differences, (*mounting, *restored, *steps), blocked=tuple(blocked), notes=_notes(host, found, facts)
    )


def _roots(key: str) -> Blocked:
    """What a user's engine lacks and root has to register; without what works by now, nothing can be proven."""
    hint = "once, as root: sudo provisioner apply --only emulators; then run this again"
    message = "emulators are the machine's own, for root to register"
    return Blocked(key, Obstacle("for-root", message, hint, fatal=AT_BOOT not in key))


def needs(facts: Facts, desired: Desired, keys: set[str]) -> tuple[Need, ...]:
    """One need an architecture, whatever the number of its variants that are wanted."""
    found: dict[str, Need] = {}
    for row in emulated.rows(desired, facts):
        wrong = {suffix: row.name + suffix for suffix in SUFFIXES if row.name + suffix in keys}
        if wrong:
            before = found.get(row.architecture, Need(row, (), frozenset()))
            found[row.architecture] = Need(before.row, (*before.keys, *wrong.values()), before.aspects | set(wrong))
    return tuple(found.values())


def rule_file(row: Platform, program: Program, desired: Desired) -> WriteFile:
    """The file that registers an architecture's emulator at boot."""
    text = f"# linux/{row.architecture}, by provisioner\n{_line(row, program, desired)}\n"
    return WriteFile(emulated.conf(row), text)


def _line(row: Platform, program: Program, desired: Desired) -> str:
    flags = ("P" if program.preserve_argv0 else "") + ("OCF" if desired.emulators.credentials else "F")
    return binfmt.registration_line(row, program.path, flags)


def _decide(
    host: Reader, facts: Facts, desired: Desired, need: Need, rules: tuple[boot.Rule, ...]
) -> Register | Program | Obstacle:
    """Register what stands there, or find a program for a file of ours, or leave it and say why."""
    row, name = need.row, str(need.row.emulator)
    there = facts.entries.get(name)
    if there is None and need.aspects == {""} and (placed := boot.serving(rules, elf.program(row.architecture))):
        rule = placed.rule
        entry = binfmt.Entry(True, rule.interpreter, rule.flags, rule.offset, rule.magic, rule.mask)
        if sources.unfit(host, rule.interpreter) is None and rule.name not in facts.entries:
            return Register(f"{BINFMT}/{rule.name}", binfmt.line(rule.name, entry))
    if need.now and there is not None and row.architecture not in facts.ours and not desired.emulators.replace:
        hint = "let emulators.replace be true, or repair or remove what registers it, then apply again"
        message = f"{row.name}: the entry {name} is somebody else's ({there.interpreter}), and does not do"
        return Obstacle("foreign-entry", message, hint)
    program = sources.find(host, facts, desired, row)
    if isinstance(program, str):
        where = desired.emulators.directory or "the engine's images and the distribution's packages"
        hint = f"name an image, a package or a directory that has it (emulators.source); looked in {where}"
        return Obstacle("no-program", f"{row.name}: {program}", hint, fatal=True)
    return program


def _steps(
    host: Reader, facts: Facts, desired: Desired, found: dict[str, tuple[Need, Program]]
) -> tuple[Step, ...] | Obstacle:
    """Bring the programs, write our files, see to the next boot, register."""
    if not found:
        return ()
    last = persistence.steps(host, tuple(program.path for _, program in found.values()))
    if isinstance(last, Obstacle):
        return last
    steps: list[Step] = [] if host.stat(BINFMT_D) else [MakeDirectory(BINFMT_D)]
    bring = sources.steps(host, facts, desired, {name: program for name, (_, program) in found.items()})
    steps += [*bring, *(_unflushed(host, facts) if any(p.brought_by == "package" for _, p in found.values()) else ())]
    for name, (need, program) in found.items():
        file = rule_file(need.row, program, desired)
        if host.read(file.path) != file.text:
            steps.append(file)
        if need.now:
            steps.append(Register(f"{BINFMT}/{name}", _line(need.row, program, desired)))
    return (*steps, *last)


def _unflushed(host: Reader, facts: Facts) -> tuple[Step, ...]:
    """What puts somebody's entries back, should a package's own scripts have flushed the table."""
    return tuple(
        Register(f"{BINFMT}/{name}", binfmt.line(name, entry), entry.enabled, unless_there=True)
        for name, entry in facts.entries.items()
        if host.stat(entry.interpreter)
    )


def _notes(host: Reader, found: dict[str, tuple[Need, Program]], facts: Facts) -> tuple[str, ...]:
    """What cannot be taken back: the kernel opens an interpreter anew when its entry is put back."""
    notes = []
    for name, (need, _) in found.items():
        there = facts.entries.get(name)
        if need.now and there is not None and host.stat(there.interpreter) is None:
            notes.append(f"{name} as it is now cannot be put back: {there.interpreter} is not on this host")
    if found and obstacles.namespaced(host):
        notes.append("this is a user namespace: the table of emulators is its own, and nobody outside sees it")
    return tuple(notes)
