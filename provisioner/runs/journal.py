"""The write-ahead journal of an apply, and the receipt that it becomes.

One file a run, one JSON object a line, each on disk before the effect that it announces:

    begin   number, time, agent, configuration, the differences found, until when somebody has to confirm it
    change  a resource whose steps follow, the keys that they are to change, and the restart that follows them
    step    a step, and the steps that undo it
    made    what came of a step that only shows afterwards: digests of what was copied
    settle  a restart
    last    a step that throws away what was kept to go back to; it follows the end, or the confirmation
    end     how it ended

A file without ``end`` is a run that was cut off, if the file ``open`` lists its number. A torn last line is an effect
that never began.
"""

import errno
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from provisioner import secrets
from provisioner.builder.cluster_step import CallCluster
from provisioner.config.desired import Desired, from_json, to_json
from provisioner.errors import DeniedError, ProvisionerError
from provisioner.host import System
from provisioner.model import Difference, Found, Reader
from provisioner.runs import receipts
from provisioner.runs.kinds import from_dict, to_dict
from provisioner.runs.receipts import UNCONFIRMED, file, listed, numbers, opened
from provisioner.steps import Step
from provisioner.steps.programs import Run

FORMAT = 1
OVER = ("rolled back", "undone", "removed", "accepted", "empty")  # how a run ends of which nothing is left to undo
FULL = (errno.ENOSPC, errno.EDQUOT)
RESERVE = 4096  # bytes: a block of the disk that a full one still has for the line that says how a run ended

Key = tuple[str, str]  # a resource and one of its keys


class Made(NamedTuple):
    """A step that a run has begun, with the steps that undo it."""

    step: Step
    undo: tuple[Step, ...]


class Receipt(NamedTuple):
    """One run, as its file tells it. ``outcome`` None: it was cut off.

    ``keys``: what its steps were to change. ``restarts``: what its changes need, ``restarted``: whether that was begun.
    ``confirm_by``: until when somebody has to confirm it, empty: nobody has to.
    """

    number: int
    time: str
    agent: str
    desired: Desired
    before: Found
    made: tuple[Made, ...]
    keys: frozenset[Key]
    restarts: tuple[Step, ...]
    restarted: bool
    last: tuple[Step, ...]
    confirm_by: str
    outcome: str | None

    @property
    def undo(self) -> tuple[Step, ...]:
        """The steps that take it back, in the order in which they have to be made."""
        return tuple(step for made in reversed(self.made) for step in made.undo)


class Journal:
    """The journal of one run: every method returns when its line is on disk."""

    def __init__(self, system: System, number: int) -> None:
        self.system = system
        self.number = number

    def begin(self, agent: str, desired: Desired, before: Found, confirm_by: str = "") -> None:
        """Open the journal; a unit that looks at boot is told by a file beside it."""
        prepare(self.system)
        try:
            _open(self.system, {*listed(self.system), self.number})
            self.system.write(_reserve(self.system), "\0" * RESERVE, 0o600)
            self._line(
                "begin",
                format=FORMAT,
                number=self.number,
                time=self.system.now(),
                agent=agent,
                desired=to_json(desired),
                before=before,
                confirm_by=confirm_by,
            )
        except BaseException:  # nothing was done, so no boot has to undo anything
            with suppress(OSError, ProvisionerError):
                _open(self.system, set(listed(self.system)) - {self.number})
            raise

    def change(self, resource: str, restart: Step | None, keys: Iterable[str] = ()) -> None:
        """A resource's change begins; its restart belongs to undoing it, too."""
        self._line("change", resource=resource, keys=list(keys), settle=[to_dict(restart)] if restart else [])

    def step(self, step: Step, undo: tuple[Step, ...]) -> None:
        """A step is about to be made."""
        self._line("step", step=to_dict(step), undo=[to_dict(s) for s in undo])

    def made(self, found: Mapping[str, Any]) -> None:
        """What came of the last step."""
        self._line("made", **found)

    def settle(self, step: Step) -> None:
        """A restart, or a reload, is about to be made."""
        self._line("settle", step=to_dict(step))

    def last(self, step: Step) -> None:
        """A step that will throw away what was kept to go back to."""
        self._line("last", step=to_dict(step))

    def end(self, outcome: str) -> None:
        """The run has ended: converged, held, rolled back, rollback failed, undone; or it is unconfirmed."""
        line = {"event": "end", "outcome": outcome, "time": self.system.now()}
        path = file(self.system, self.number)
        try:
            self.system.append(path, json.dumps(line))
        except OSError as e:
            if e.errno not in FULL:
                raise
            self.system.remove(_reserve(self.system))
            self.system.append(path, json.dumps(line))
        finally:  # a run that has ended is not undone, even if that could not be written down
            if outcome != UNCONFIRMED:
                _open(self.system, set(listed(self.system)) - {self.number})

    def reopen(self) -> None:
        """Its files are put back; the rest of the undo is still to be done."""
        self._line("end", outcome=None, time=self.system.now())

    def _line(self, event: str, **fields: Any) -> None:
        self.system.append(file(self.system, self.number), json.dumps({"event": event, **fields}))


def _reserve(host: Reader) -> str:
    return f"{host.state}/reserve"


def _open(system: System, listed: set[int]) -> None:
    """List the runs that have not ended; no run, no file."""
    if listed:
        system.write(opened(system), "".join(f"{n}\n" for n in sorted(listed)), 0o600)
    else:
        system.remove(opened(system))
        system.remove(_reserve(system))


def closed(system: System) -> None:
    """No run is open."""
    _open(system, set())


def prepare(system: System) -> None:
    """Make the directory of our state, for its owner's eyes only."""
    system.make_directories(system.state.rpartition("/")[0], 0o755)
    for folder in (system.state, receipts.folder(system)):
        if system.stat(folder) is None:
            system.make_directory(folder, 0o700)


def lock(host: Reader) -> str:
    """The file that one apply at a time may hold."""
    return receipts.lock(host)


def following(host: Reader) -> int:
    """The number of the next run."""
    return max((*numbers(host), *listed(host)), default=0) + 1


def read(host: Reader, number: int) -> Receipt:
    """One receipt. ProvisionerError: there is none, a newer provisioner wrote it, or it is damaged."""
    text = host.read(file(host, number))
    if text is None:
        known = ", ".join(map(str, numbers(host))) or "none"
        raise ProvisionerError(f"there is no receipt {number}", hint=f"the receipts on this host: {known}")
    lines = receipts.lines(text)
    if not lines:  # the power went while it was opened: nothing was done yet
        return Receipt(number, "", "", Desired(), (), (), frozenset(), (), False, (), "", "empty")
    begin = lines[0]
    if begin.get("format") != FORMAT:
        hint = "use the provisioner that wrote it, or a newer one"
        raise ProvisionerError(f"{file(host, number)}: its format {begin.get('format')} is not known here", hint=hint)
    try:
        return _told(number, begin, lines)
    except (KeyError, TypeError, ValueError, AttributeError):
        hint = "move it away, and what it would undo stays as it is"
        raise ProvisionerError(f"{file(host, number)}: it is no receipt of ours", hint=hint) from None


def _told(number: int, begin: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Receipt:
    """What the lines of a receipt say."""
    before = tuple((r, Difference(*d)) for r, d in begin["before"])
    for _, difference in before:
        secrets.learn({difference.key: [difference.have, difference.want]})
    ends = [line["outcome"] for line in lines if line["event"] == "end"]
    return Receipt(
        number=number,
        time=begin["time"],
        agent=begin["agent"],
        desired=from_json(begin["desired"]),
        before=before,
        made=tuple(
            Made(from_dict(line["step"]), tuple(from_dict(u) for u in line["undo"]))
            for line in lines
            if line["event"] == "step"
        ),
        keys=frozenset(key for line in lines if line["event"] == "change" for key in _keys(line, before)),
        restarts=tuple(
            dict.fromkeys(from_dict(s) for line in lines if line["event"] == "change" for s in line["settle"])
        ),
        restarted=any(line["event"] == "settle" for line in lines),
        last=tuple(from_dict(line["step"]) for line in lines if line["event"] == "last"),
        confirm_by=begin.get("confirm_by", ""),
        outcome=ends[-1] if ends else None,
    )


def _keys(change: Mapping[str, Any], before: Found) -> Iterable[Key]:
    """The keys that a change was to change; in receipts of older agents, all that its resource lacked."""
    resource = change["resource"]
    named = change.get("keys")
    keys = [d.key for r, d in before if r == resource] if named is None else named
    return ((resource, key) for key in keys)


def last(host: Reader) -> Receipt | None:
    """The newest receipt; None: there is none yet."""
    known = numbers(host)
    return read(host, known[-1]) if known else None


def every(host: Reader) -> tuple[Receipt, ...]:
    """All receipts that this provisioner can read, oldest first."""
    return tuple(found for n in numbers(host) if (found := readable(host, n)))


def readable(host: Reader, number: int) -> Receipt | None:
    """One receipt; None: it is damaged, or of another format. It hides neither the others nor the host."""
    try:
        return read(host, number)
    except DeniedError:
        raise
    except ProvisionerError:
        return None


def open_runs(host: Reader) -> tuple[Receipt, ...]:
    """The runs that were cut off, or wait to be confirmed, oldest first."""
    known = set(numbers(host))
    found = [read(host, n) for n in listed(host) if n in known]
    return tuple(r for r in found if r.outcome in (None, UNCONFIRMED))


def cut_off(host: Reader) -> Receipt | None:
    """The newest run that was cut off in the middle; None: every one came to its end."""
    found = [r for r in open_runs(host) if r.outcome is None]
    return found[-1] if found else None


def unconfirmed(host: Reader) -> tuple[Receipt, ...]:
    """The runs that wait to be confirmed, oldest first."""
    return tuple(r for r in open_runs(host) if r.outcome == UNCONFIRMED)


def undoes(host: Reader) -> tuple[Run | CallCluster, ...]:
    """What undoes the applies in effect by programs or on a cluster, newest first; none if this user may not know."""
    try:
        found = reversed(every(host))
    except DeniedError:
        return ()
    return tuple(s for r in found if r.outcome not in OVER for s in r.undo if isinstance(s, Run | CallCluster))
