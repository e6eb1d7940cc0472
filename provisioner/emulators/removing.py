"""Plan the steps that remove emulators of ours that are no longer wanted, and versions of QEMU that nothing uses."""

from collections.abc import Collection, Iterator

from provisioner.emulators import boot, files, fitness, keys
from provisioner.emulators.copy_out import Drop
from provisioner.emulators.keys import COPIED, REGISTERED, Key
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.platforms import binfmt, elf
from provisioner.platforms.kernel_table import Register, Unregister
from provisioner.platforms.machine import BINFMT, VERSIONS
from provisioner.steps import Blocked, Obstacle, Step
from provisioner.steps.files import RemoveFile


def steps(
    host: Reader, facts: Facts, gone: Collection[Key], replaced: Collection[str]
) -> tuple[tuple[Step, ...], tuple[Blocked, ...]]:
    """Return the steps, and what is blocked because it is still in use.

    ``replaced`` names the entries that this plan registers anew, so what they use now does not count.
    """
    made: list[Step] = []
    blocked: list[Blocked] = []
    free = set(replaced)
    for architecture in (key.name for key in gone if key.aspect == REGISTERED):
        made += _platform(host, facts, architecture)
        free |= {rule.name for rule in _rules(host, architecture)}
    for key in (key for key in gone if key.aspect == COPIED):
        folder = f"{VERSIONS}/{key.name}"
        users = {name for name, path in _interpreters(host, facts) if path.startswith(f"{folder}/")} - free
        if users:
            message = f"{folder} is still in use by {', '.join(sorted(users))}"
            blocked += Obstacle("in-use", message, "apply again when nothing uses it").blocks(keys.words(key))
        else:
            made.append(Drop(facts.socket, folder))
    return tuple(made), tuple(blocked)


def _platform(host: Reader, facts: Facts, architecture: str) -> Iterator[Step]:
    """Remove our entry and our file. If another rule would register the platform at the next boot, do so now."""
    path = files.registering(architecture)
    for rule in _rules(host, architecture):
        there = facts.entries.get(rule.name)
        if there is not None and there.interpreter == rule.interpreter:
            yield Unregister(f"{BINFMT}/{rule.name}")
    yield RemoveFile(path)
    others = tuple(r for r in boot.rules(host, without=path))
    placed = boot.serving(others, elf.program(architecture))
    if placed and fitness.unfit(host, placed.rule.interpreter) is None:
        r = placed.rule
        entry = binfmt.Entry(True, r.interpreter, r.flags, r.offset, r.magic, r.mask)
        yield Register(f"{BINFMT}/{r.name}", binfmt.line(r.name, entry))


def _rules(host: Reader, architecture: str) -> tuple[binfmt.Rule, ...]:
    """Return the rules in our file for an architecture."""
    return tuple(binfmt.parse_rules(host.read(files.registering(architecture)) or ""))


def _interpreters(host: Reader, facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield each entry and each rule with its program, now and after the next boot."""
    yield from ((name, entry.interpreter) for name, entry in facts.entries.items())
    yield from ((found.rule.name, found.rule.interpreter) for found in boot.rules(host))
