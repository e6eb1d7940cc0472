"""Planned work as data: steps, the obstacles that block them, and the changes and plans that they form.

Each kind of step is one class: what it does, what undoes it, and a sentence that describes it. General kinds are in
``files`` and ``programs``. A subject's own kinds are in its package. ``runs.kinds`` lists them all.

This is separate from ``model`` because a check of a host in sync changes nothing and need not import it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from provisioner.model import Difference, Reader

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from provisioner.host import System

Say: TypeAlias = Callable[[str], None]

UNTOLD = MappingProxyType({"untold": True})  # of a field that the journal does not have, because no undo needs it
# The codes of the obstacles that are a restart of the daemon, which is not allowed now.
RESTARTS = ("restart-never", "restart-window", "restart-busy", "restart-owed")


@dataclass(frozen=True, slots=True)
class Step:
    """One reversible action. The journal records its fields.

    Planning makes steps and asks for their sentences. It cannot run them: that takes a ``System``, and planning only
    has a ``Reader``.
    """

    @property
    def kind(self) -> str:
        """The name of this kind of step in JSON documents, for example ``set-leaf`` or ``restart``."""
        name = type(self).__name__
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")

    def do(self, system: "System", say: Say) -> tuple[str, ...] | None:
        """Run the step.

        Returns: the containers that it stopped and that did not come back, or None.
        Raises: CommandError or OSError if it did not succeed.
        """
        raise NotImplementedError

    def inverse(self, host: Reader) -> "tuple[Step, ...]":
        """Return the steps that undo it, based on the host before it runs. Return none if there is nothing to undo."""
        return ()

    def stands(self, host: Reader) -> bool | None:
        """Return whether the host is as this step leaves it.

        None means that this is unknown, or that other programs change it all the time.
        """
        return None

    def sentence(self) -> str:
        """Return one line that says what the step does."""
        raise NotImplementedError

    def diff(self) -> str:
        """Return the changed lines of a file as a unified diff, or an empty string if it changes no file."""
        return ""

    def recorded(self) -> "Step":
        """Return the step as the journal has it: a kind that older agents know, if it is enough for an undo."""
        return self

    def made(self, host: Reader) -> Mapping[str, Any]:
        """Return what is only known after the step ran, for the journal."""
        return {}


@dataclass(frozen=True, slots=True)
class Slow(Step):
    """A step that takes seconds, most of which it waits. Other steps run meanwhile."""

    def meanwhile(self, system: "System", say: Say) -> "AbstractContextManager[Callable[[], object] | None]":
        """Run the step while a block runs. The block gets a function that waits for its end, and raises as ``do`` does.

        If the block ends without calling it, the step is stopped. None means that there is nothing to do.
        """
        raise NotImplementedError

    def apart(self, step: Step) -> bool:
        """Return whether another step may run before this one has ended."""
        return False

    def do(self, system: "System", say: Say) -> None:
        with self.meanwhile(system, say) as wait:
            if wait:
                wait()


class Obstacle(NamedTuple):
    """The reason why a change cannot be made now.

    ``code`` names the kind of obstacle, for programs. ``message`` is a sentence. ``hint`` is a command to copy or a
    setting to change. ``numbers`` are the figures in the message. If it is ``fatal``, apply does not start.
    """

    code: str
    message: str
    hint: str
    numbers: tuple[tuple[str, int], ...] = ()
    fatal: bool = False

    @property
    def restart(self) -> bool:
        """True if the change needs a restart of the daemon that is not allowed now."""
        return self.code in RESTARTS

    def as_json(self) -> dict[str, Any]:
        """Return the fields that every JSON document has for an obstacle."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "numbers": dict(self.numbers)}

    def blocks(self, *keys: str) -> "tuple[Blocked, ...]":
        """Return one blocked difference for each key."""
        return tuple(Blocked(key, self) for key in keys)


class Blocked(NamedTuple):
    """A difference with an obstacle. Nothing is done about it now."""

    key: str
    obstacle: Obstacle


class Change(NamedTuple):
    """The work for one resource: ``edits`` in order, then the ``restart`` or reload of the daemon, then ``trial``.

    ``hides`` means that the change hides what the engine holds now.
    ``after`` removes what is no longer wanted, after everything was proven. Its ``late`` keys differ until then.
    ``last`` discards what was kept for a rollback, after that. It has no inverse.
    ``notes`` are other things that a person should know.
    ``first`` may fail and needs nothing from the other resources, so it runs before anything else. The plan puts it
    into a change of its own, with the code of the obstacle that a failure is: ``unless`` it works, the rest of the
    resource is blocked and the other resources are changed.
    """

    resource: str
    differences: tuple[Difference, ...]
    edits: tuple[Step, ...] = ()
    restart: Step | None = None
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()
    hides: bool = False
    last: tuple[Step, ...] = ()
    trial: tuple[Step, ...] = ()
    first: tuple[Step, ...] = ()
    unless: str = ""
    after: tuple[Step, ...] = ()
    late: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The edits, the restart, and the removal of what is no longer wanted."""
        return (*self.edits, *((self.restart,) if self.restart else ()), *self.after)

    def stopped(self, obstacle: Obstacle) -> "Change":
        """Return the change with every difference blocked by an obstacle, and without steps."""
        return Change(self.resource, self.differences, blocked=obstacle.blocks(*(d.key for d in self.differences)))


class Plan(NamedTuple):
    """The changes in the order in which to make them. A plan is false if the host is as wanted."""

    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()  # not differences, but worth reporting

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def differences(self) -> tuple[tuple[str, Difference], ...]:
        """Every difference, with the resource that it belongs to."""
        return tuple((c.resource, d) for c in self.changes for d in c.differences)

    @property
    def blocked(self) -> tuple[tuple[str, Blocked], ...]:
        """Every blocked difference, with the resource that it belongs to."""
        return tuple((c.resource, b) for c in self.changes for b in c.blocked)

    def without(self, failed: Mapping[str, Obstacle]) -> "Plan":
        """Return the plan with whole resources blocked, each by its obstacle."""
        kept = (c for c in self.changes if not (c.unless and c.resource in failed))
        return self._replace(changes=tuple(c.stopped(failed[c.resource]) if c.resource in failed else c for c in kept))

    @property
    def acts(self) -> bool:
        """True if applying this plan changes the host."""
        return any(c.steps for c in self.changes)
