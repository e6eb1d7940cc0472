"""The steps that mount the kernel's binfmt_misc table and change single entries. Other entries stay as they are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.model import Reader
from provisioner.platforms import binfmt, machine
from provisioner.steps import Say, Step

if TYPE_CHECKING:
    from provisioner.host import System

TIMEOUT = 60  # seconds for a mount


@dataclass(frozen=True, slots=True)
class Register(Step):
    """Add an entry to the kernel's table. ``path`` is its path below binfmt_misc. An entry of the same name is
    replaced.

    ``unless_there`` keeps an existing entry. It restores entries that another program's flush removed.
    """

    path: str
    line: str
    enabled: bool = True
    unless_there: bool = False

    def do(self, system: "System", say: Say) -> None:
        there = system.stat(self.path) is not None
        if there and self.unless_there:
            return
        if there:
            system.tell(self.path, "-1")
        system.tell(f"{self.path.rpartition('/')[0]}/register", self.line)
        if not self.enabled:
            system.tell(self.path, "0")

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return () if self.unless_there else (_as_registered(host, self.path) or Unregister(self.path),)

    def stands(self, host: Reader) -> bool:
        try:
            entry, rule = binfmt.parse_entry(host.read(self.path) or ""), binfmt.parse_rule(self.line)
        except ValueError:
            return False
        there = (entry.interpreter, entry.offset, entry.magic, entry.mask, entry.extension, sorted(entry.flags))
        told = (rule.interpreter, rule.offset, rule.magic, rule.mask, rule.extension, sorted(rule.flags))
        return entry.enabled == self.enabled and there == told

    def sentence(self) -> str:
        again = " again, if it is gone by then" if self.unless_there else ""
        return f"register {_name(self.path)} with the kernel{again}"


@dataclass(frozen=True, slots=True)
class Unregister(Step):
    """Remove an entry from the kernel's table. A missing entry is not an error."""

    path: str

    def do(self, system: "System", say: Say) -> None:
        if system.stat(self.path):
            system.tell(self.path, "-1")

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        entry = _as_registered(host, self.path)
        return (entry,) if entry else ()

    def stands(self, host: Reader) -> bool:
        return host.stat(self.path) is None

    def sentence(self) -> str:
        return f"take {_name(self.path)} out of the kernel's table"


@dataclass(frozen=True, slots=True)
class Mount(Step):
    """Mount the table with a program. ``unmount`` is the program that unmounts it."""

    argv: tuple[str, ...]
    unmount: tuple[str, ...]

    def do(self, system: "System", say: Say) -> None:
        system.run(self.argv, TIMEOUT)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return (Unmount(self.unmount),)

    def stands(self, host: Reader) -> bool | None:
        return False if _others(host) else None

    def sentence(self) -> str:
        return f"run {' '.join(self.argv)}"


@dataclass(frozen=True, slots=True)
class Unmount(Step):
    """Unmount the table, unless it holds entries of others: they would be lost with the mount."""

    argv: tuple[str, ...]

    def do(self, system: "System", say: Say) -> None:
        if found := _others(system):
            say(f"note: binfmt_misc stays mounted: it holds {', '.join(found)}, which others have registered")
        else:
            system.run(self.argv, TIMEOUT)

    def stands(self, host: Reader) -> bool:
        return not machine.look(host).mounted

    def sentence(self) -> str:
        return f"run {' '.join(self.argv)}"


def _others(host: Reader) -> tuple[str, ...]:
    """Return the entries that none of our files has registered."""
    ours = {rule.name for rule in machine.rules_of_ours(host)}
    return tuple(name for name in machine.look(host).entries if name not in ours)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _as_registered(host: Reader, path: str) -> Register | None:
    """Return the step that registers an entry as it is now, or None if there is no such entry."""
    text = host.read(path)
    if text is None:
        return None
    entry = binfmt.parse_entry(text)
    return Register(path, binfmt.line(_name(path), entry), entry.enabled)
