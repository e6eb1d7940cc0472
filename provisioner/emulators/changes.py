"""Plan the steps that register each wanted emulator, one architecture at a time.

An entry that provisioner did not make is kept while it works. If it does not work, it is changed only when the
configuration says ``replace``. An entry of another name that serves the same programs also stays: the kernel uses the
newer of the two.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from provisioner.config.desired import Desired
from provisioner.emulators import (
    boot,
    files,
    fitness,
    keys,
    mounting,
    obstacles,
    persistence,
    removing,
    sources,
)
from provisioner.emulators.keys import NAME, Key
from provisioner.emulators.sources import Program
from provisioner.emulators.wanted import rows, wanted
from provisioner.engine.facts import Facts
from provisioner.model import Difference, Reader
from provisioner.platforms import binfmt, elf
from provisioner.platforms.kernel_table import Register
from provisioner.platforms.machine import BINFMT, BINFMT_D
from provisioner.platforms.table import Platform
from provisioner.steps import Blocked, Change, Obstacle, Step
from provisioner.steps.files import MakeDirectory, WriteFile


class Need(NamedTuple):
    """An architecture that needs a change: its row of the platform table, and the keys that differ."""

    row: Platform
    wrong: tuple[Key, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The keys as a person reads them."""
        return tuple(map(keys.words, self.wrong))

    @property
    def aspects(self) -> frozenset[str]:
        """The aspects of the architecture that are wrong."""
        return frozenset(key.aspect for key in self.wrong)

    @property
    def now(self) -> bool:
        """Whether the kernel's entry must be made or replaced. Otherwise only the file for the next boot changes."""
        return bool(self.aspects - {keys.AT_BOOT})


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> Change:
    """Return the steps that fix the differences, and what blocks the others."""
    every = _keys(desired, facts, differences)
    gone = tuple(key for key in every if key.name)
    wrong = tuple(key for key in every if key not in gone)
    if facts.kind.emulators == "root":
        blocked = [b for key in wrong for b in obstacles.for_root(key).blocks(keys.words(key))]
        return Change(NAME, differences, blocked=tuple(blocked))
    if obstacle := obstacles.obstacle(host, facts):
        return Change(NAME, differences, blocked=obstacle.blocks(*map(keys.words, every)))
    rules = boot.rules(host)
    kept: list[Blocked] = []
    restored: list[Step] = []
    found: dict[str, tuple[Need, Program]] = {}
    for need in needs(facts, desired, wrong):
        outcome = _decide(host, facts, desired, need, rules)
        if isinstance(outcome, Obstacle):
            kept += outcome.blocks(*need.words)
        elif isinstance(outcome, Program):
            found[str(need.row.emulator)] = (need, outcome)
        else:
            restored.append(outcome)
    steps = _steps(host, facts, desired, found)
    if isinstance(steps, Obstacle):
        kept += [b for need, _ in found.values() for b in steps.blocks(*need.words)]
        steps, found = (), {}
    mount = mounting.steps(host, facts) if keys.TABLE in wrong else ()
    notes = (*_taken(facts, found, rules), *_notes(host, found, facts))
    after, in_use = removing.steps(host, facts, gone, [name for name, (need, _) in found.items() if need.now])
    return Change(
        NAME,
        differences,
        (*mount, *restored, *steps),
        blocked=(*kept, *in_use),
        notes=notes,
        after=after,
        late=tuple(map(keys.words, gone)),
    )


def _keys(desired: Desired, facts: Facts, differences: tuple[Difference, ...]) -> tuple[Key, ...]:
    """Return the keys that differ."""
    wrong = {d.key for d in differences}
    return tuple(key for key in wanted(desired, facts).fields if keys.words(key) in wrong)


def needs(facts: Facts, desired: Desired, wrong: Collection[Key]) -> tuple[Need, ...]:
    """Return one need for each architecture, even if several of its variants are wanted."""
    found: dict[str, Need] = {}
    for row in rows(desired, facts):
        mine = tuple(key for key in wrong if key.platform == row.name)
        if mine:
            before = found.get(row.architecture, Need(row, ()))
            found[row.architecture] = before._replace(wrong=before.wrong + mine)
    return tuple(found.values())


def rule_file(row: Platform, program: Program, desired: Desired) -> WriteFile:
    """Return the file that registers an architecture's emulator at boot."""
    text = f"# linux/{row.architecture}, by provisioner\n{_line(row, program, desired)}\n"
    return WriteFile(files.rule(row), text)


def _line(row: Platform, program: Program, desired: Desired) -> str:
    flags = ("P" if program.preserve_argv0 else "") + ("OCF" if desired.emulators.credentials else "F")
    return binfmt.registration_line(row, program.path, flags)


def _decide(
    host: Reader, facts: Facts, desired: Desired, need: Need, rules: tuple[boot.Rule, ...]
) -> Register | Program | Obstacle:
    """Return an entry to register from an existing rule, a program for our own file, or the obstacle."""
    row, name = need.row, str(need.row.emulator)
    there = facts.entries.get(name)
    if there is None and need.aspects == {keys.RUNS} and (placed := boot.serving(rules, elf.program(row.architecture))):
        rule = placed.rule
        entry = binfmt.Entry(True, rule.interpreter, rule.flags, rule.offset, rule.magic, rule.mask)
        if fitness.unfit(host, rule.interpreter) is None and rule.name not in facts.entries:
            return Register(f"{BINFMT}/{rule.name}", binfmt.line(rule.name, entry))
    if not desired.emulators.replace and (other := _translator(facts, row, rules)):
        return obstacles.translator(row, *other)
    if need.now and there is not None and row.architecture not in facts.ours and not desired.emulators.replace:
        return obstacles.foreign_entry(row, there)
    upgrade = desired.emulators.source == "auto" and keys.FROM in need.aspects
    program = sources.find(host, facts, desired, row, from_image=upgrade)
    if isinstance(program, str):
        return obstacles.no_program(row, program, desired)
    return program


def _translator(facts: Facts, row: Platform, rules: tuple[boot.Rule, ...]) -> tuple[str, str] | None:
    """Return the translator other than QEMU that gets a platform's programs, now or after the next boot.

    Returns:
        The entry's name and its interpreter, or None if there is no such translator.
    """
    probe = elf.program(row.architecture)
    found = {n: e.interpreter for n, e in facts.entries.items() if e.enabled and _serves(e, probe)}
    found |= {r.rule.name: r.rule.interpreter for r in rules if _serves(r.rule, probe)}
    return next(((n, path) for n, path in found.items() if not n.startswith("qemu")), None)


def _serves(found: binfmt.Entry | binfmt.Rule, probe: bytes) -> bool:
    return binfmt.serves(found.magic, found.mask, found.offset, probe)


def _steps(
    host: Reader, facts: Facts, desired: Desired, found: dict[str, tuple[Need, Program]]
) -> tuple[Step, ...] | Obstacle:
    """Return the steps: bring the programs, write our files, make them last across boots, and register them."""
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
    """Return steps that restore existing entries, in case a package's own scripts flush the table."""
    return tuple(
        Register(f"{BINFMT}/{name}", binfmt.line(name, entry), entry.enabled, unless_there=True)
        for name, entry in facts.entries.items()
        if host.stat(entry.interpreter)
    )


def _taken(facts: Facts, found: Mapping[str, tuple[Need, Program]], rules: tuple[boot.Rule, ...]) -> Iterator[str]:
    """Yield a note for each emulator of somebody else that loses its programs (``emulators.replace``)."""
    for name, (need, program) in found.items():
        there = facts.entries.get(name)
        if other := _translator(facts, need.row, rules):
            yield f"{need.row.name}: {other[0]} ({other[1]}) runs these programs until now, and {name} gets all of them"
        elif need.now and there is not None and need.row.architecture not in facts.ours:
            old, new = there.interpreter, program.path
            yield f"{need.row.name}: the entry {name} of somebody else ({old}) is replaced by one that uses {new}"


def _notes(host: Reader, found: dict[str, tuple[Need, Program]], facts: Facts) -> tuple[str, ...]:
    """Return notes on what an undo cannot restore: the kernel opens the interpreter again when an entry is put back."""
    notes = []
    for name, (need, _) in found.items():
        there = facts.entries.get(name)
        if need.now and there is not None and host.stat(there.interpreter) is None:
            notes.append(f"{name} as it is now cannot be put back: {there.interpreter} is not on this host")
    if found and obstacles.namespaced(host):
        notes.append("this is a user namespace: the table of emulators is its own, and nobody outside sees it")
    return tuple(notes)
