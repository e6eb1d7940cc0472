"""What is to be done, as data: steps, what stands in the way of them, and the changes and the plan that they make up.

A kind of step is one class: what it does, what undoes it, and the sentence that tells of it. Kinds that belong to no
subject are in ``files`` and ``programs``; a subject's own lie in its package. ``runs.kinds`` lists all of them.

Apart from the nouns of ``model`` so that a check of a host in sync, which does nothing, need not import them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from provisioner.model import Difference, Reader

if TYPE_CHECKING:
    from provisioner.host import System

Say: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One reversible act. Its fields are what a journal records of it.

    Planning makes steps and asks for their sentences. It cannot make them happen: that takes a ``System``, and planning
    has a ``Reader``.
    """

    @property
    def kind(self) -> str:
        """The name of its kind in JSON documents: ``set-leaf``, ``restart``."""
        name = type(self).__name__
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")

    def do(self, system: "System", say: Say) -> tuple[str, ...] | None:
        """Make it happen; the containers that it has stopped for good. CommandError, OSError: it did not happen."""
        raise NotImplementedError

    def inverse(self, host: Reader) -> "tuple[Step, ...]":
        """The steps that undo it, as the host stands before it; none where nothing has to be undone."""
        return ()

    def stands(self, host: Reader) -> bool | None:
        """Whether the host is as this step leaves it; None: that cannot be told, or programs change it all the time."""
        return None

    def sentence(self) -> str:
        """What it does, in a line."""
        raise NotImplementedError

    def diff(self) -> str:
        """The lines of a file that it changes, as a unified diff; empty for what changes no file."""
        return ""

    def made(self, host: Reader) -> Mapping[str, Any]:
        """What only shows once it was made, for the journal."""
        return {}


class Obstacle(NamedTuple):
    """What stands in the way of a change.

    ``code`` names its kind, for machines; ``message`` is a sentence, ``hint`` a command to copy or a setting to change,
    ``numbers`` are the figures in the message. ``fatal``: without what is missing, apply does not begin.
    """

    code: str
    message: str
    hint: str
    numbers: tuple[tuple[str, int], ...] = ()
    fatal: bool = False

    @property
    def restart(self) -> bool:
        """Whether the daemon must be restarted, and may not be now."""
        return self.code.startswith("restart-")

    def as_json(self) -> dict[str, Any]:
        """The fields that every JSON document has for it."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "numbers": dict(self.numbers)}

    def blocks(self, *keys: str) -> "tuple[Blocked, ...]":
        """The differences that it stands in the way of, by their keys."""
        return tuple(Blocked(key, self) for key in keys)


class Blocked(NamedTuple):
    """A difference that has an obstacle: nothing is done about it now."""

    key: str
    obstacle: Obstacle


class Change(NamedTuple):
    """What one resource would do: ``edits`` in order, then the ``restart`` or reload of the daemon, then ``trial``.

    ``hides``: what the engine holds now will be out of sight after it.
    ``last`` throws away what was kept to go back to, once everything has been proven; it has no inverse.
    ``notes`` are what else a person should know. ``first``: what may fail and needs nothing of the other resources, so
    that it is done before anything else; the plan makes a change of its own of it.
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

    @property
    def steps(self) -> tuple[Step, ...]:
        """The edits, and the restart."""
        return (*self.edits, *((self.restart,) if self.restart else ()))


class Plan(NamedTuple):
    """The changes in the order in which they have to be made; falsy when the host is as wanted."""

    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()  # what is no difference, and yet worth a word

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def differences(self) -> tuple[tuple[str, Difference], ...]:
        """Every difference with the resource that it belongs to."""
        return tuple((c.resource, d) for c in self.changes for d in c.differences)

    @property
    def blocked(self) -> tuple[tuple[str, Blocked], ...]:
        """Every difference that is blocked, with the resource that it belongs to."""
        return tuple((c.resource, b) for c in self.changes for b in c.blocked)

    @property
    def acts(self) -> bool:
        """Whether applying this plan would touch the host at all."""
        return any(c.edits or c.restart for c in self.changes)
