"""What is to be done, as data: steps, each one reversible act, and the changes and the plan that they make up.

Apart from the nouns of ``model`` so that a check of a host in sync, which does nothing, need not import them.
"""

from typing import Any, NamedTuple, TypeAlias

from provisioner.model import Difference


class MakeDirectory(NamedTuple):
    """Make one directory; its parent exists."""

    path: str
    mode: int = 0o755


class RemoveDirectory(NamedTuple):
    """Remove a directory that is empty; one that somebody else has filled stays."""

    path: str


class WriteFile(NamedTuple):
    """Put ``text`` there, whole or not at all. ``mode`` counts only where no file stood before.

    A file of a ``user``'s is written as that user; empty: as ourselves.
    """

    path: str
    text: str
    mode: int = 0o644
    user: str = ""


class RemoveFile(NamedTuple):
    """Remove a file, as ``user`` where it is one of theirs; one that is gone already is no error."""

    path: str
    user: str = ""


class SetLeaf(NamedTuple):
    """Give one leaf of a JSON file a value, any JSON (None: take the leaf away), and keep every other byte.

    While the file still is ``before``, the outcome is exactly ``after`` (None: no file). When somebody else has
    changed it meanwhile, only the leaf is set, in the file as it is then.
    """

    path: str
    keys: tuple[str, ...]
    value: Any
    before: str | None
    after: str | None


class Register(NamedTuple):
    """Give the kernel's table an entry, ``path`` below binfmt_misc; one of the same name makes way for it.

    ``unless_there``: leave one that is there, which puts back what somebody's flush has taken.
    """

    path: str
    line: str
    enabled: bool = True
    unless_there: bool = False


class Unregister(NamedTuple):
    """Take an entry out of the kernel's table; one that is gone already is no error."""

    path: str


class CopyOut(NamedTuple):
    """Copy programs out of an image's /usr/bin into a directory, with a manifest that says what they are.

    The image is pulled where the engine does not have it, and is then taken away again. Nothing of it is run.
    """

    socket: str
    image: str
    programs: tuple[str, ...]
    folder: str
    preserve_argv0: bool


class Discard(NamedTuple):
    """Take away what a copy that was cut off has left with the engine: its container, and an image pulled for it."""

    socket: str
    image: str = ""


class Run(NamedTuple):
    """Run a program. ``undo``, in its order, takes its effect back; seconds for ``timeout``.

    It runs as ``user`` (empty: as ourselves), who is become before any of that user's configuration is read.
    ``lenient``: its exit status says too little, so what came of it is only looked at afterwards.
    """

    argv: tuple[str, ...]
    undo: "tuple[Step, ...]" = ()
    timeout: int = 60
    user: str = ""
    lenient: bool = False


class SetOwner(NamedTuple):
    """Give files below a user's home folder to that user (or back to ``uid`` and ``gid``), none of them a link."""

    paths: tuple[str, ...]
    uid: int
    gid: int


class Restart(NamedTuple):
    """Restart the daemon once and wait until it answers; seconds for ``deadline``."""

    unit: str
    socket: str
    deadline: int = 90
    flavour: str = "engine"


class Stop(NamedTuple):
    """Stop an engine whose configuration nobody may edit while it runs, and wait until nothing of it answers."""

    unit: str
    socket: str
    deadline: int = 120


class Start(NamedTuple):
    """Start it, and wait until it answers; what undoes it is to stop it."""

    unit: str
    socket: str
    deadline: int = 300


class CopyImage(NamedTuple):
    """Carry an image, by all its names, from the engine's own store into containerd's; ``size`` in bytes.

    Nothing undoes it: a copy that the engine does not look at harms nobody, and the next run need not make it again.
    """

    names: tuple[str, ...]
    size: int
    socket: str
    containerd: str


class CompareImages(NamedTuple):
    """See that every tagged image of the engine's is in containerd's store, the same in every layer and word."""

    socket: str
    containerd: str


class TryStore(NamedTuple):
    """Make an image of our probe in the store in effect, run it, see it speak, and take it away again."""

    socket: str
    platform: str
    within: str = ""


class ClearTrial(NamedTuple):
    """Take away what a trial, or a proof, that was cut off has left with the engine."""

    socket: str


class Reload(NamedTuple):
    """Have the daemon read its configuration again, containers untouched, and wait until it says that it has."""

    unit: str
    socket: str
    deadline: int = 20
    flavour: str = "engine"


Step: TypeAlias = (
    MakeDirectory
    | RemoveDirectory
    | WriteFile
    | RemoveFile
    | SetLeaf
    | Register
    | Unregister
    | CopyOut
    | Discard
    | Run
    | SetOwner
    | Stop
    | Start
    | CopyImage
    | CompareImages
    | TryStore
    | ClearTrial
    | Restart
    | Reload
)


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

    def blocks(self, *keys: str) -> "tuple[Blocked, ...]":
        """The differences that it stands in the way of, by their keys."""
        return tuple(Blocked(key, self) for key in keys)


class Blocked(NamedTuple):
    """A difference that has an obstacle: nothing is done about it now."""

    key: str
    obstacle: Obstacle


class Change(NamedTuple):
    """What one resource would do: ``edits`` in order, then each of ``settle`` once, then ``trial``.

    ``hides``: what the engine holds now will be out of sight after it.
    ``last`` throws away what was kept to go back to, once everything has been proven; it has no inverse.
    ``notes`` are what else a person should know.
    """

    resource: str
    differences: tuple[Difference, ...]
    edits: tuple[Step, ...] = ()
    settle: tuple[Restart | Reload, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()
    hides: bool = False
    last: tuple[Step, ...] = ()
    trial: tuple[Step, ...] = ()


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
        return any(c.edits or c.settle for c in self.changes)
