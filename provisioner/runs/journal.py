"""The write-ahead journal of an apply, and the receipt that it becomes.

Each run has one file with one JSON object per line. Each line is on disk before the effect that it announces:

    begin   number, time, agent, configuration, the differences found, and the deadline for a confirmation
    change  a resource whose steps follow, the keys that the steps change, and the restart that follows them
    step    a step, and the steps that undo it
    made    a result of the last step that is only known afterwards: the digests of copied images
    settle  a restart
    last    a step that discards what was kept for a rollback; it runs after the end, or after the confirmation
    end     how the run ended

A file without ``end`` is an interrupted run if the file ``open`` lists its number. A torn last line is a step that
never started.
"""

import errno
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from provisioner import secrets
from provisioner.builder.cluster_step import CallCluster
from provisioner.config.desired import Desired, from_json, to_json
from provisioner.engine.traces import UNDONE
from provisioner.errors import DeniedError, ProvisionerError
from provisioner.host import System
from provisioner.model import Difference, Found, Reader
from provisioner.runs import receipts
from provisioner.runs.kinds import from_dict, to_dict
from provisioner.runs.receipts import UNCONFIRMED, file, listed, numbers, opened
from provisioner.steps import Step
from provisioner.steps.programs import Run

FORMAT = 1
OVER = (*UNDONE, "empty")  # the outcomes after which nothing is left to undo
FULL = (errno.ENOSPC, errno.EDQUOT)
RESERVE = 4096  # bytes: reserved on disk, so that the outcome can be written even when the disk is full

Key = tuple[str, str]  # a resource, and one of its keys


class Made(NamedTuple):
    """A step that a run has started, with the steps that undo it."""

    step: Step
    undo: tuple[Step, ...]


class Receipt(NamedTuple):
    """One run, as read from its file. ``outcome`` is None if the run was interrupted.

    ``keys`` are the keys that its steps change. ``restarts`` are the restarts that its changes need, and ``restarted``
    tells whether one was started. ``confirm_by`` is the deadline for a confirmation. It is empty if the run needs none.
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
    undoing: bool = False  # an undo of it was cut off, after it had put a setting back

    @property
    def undo(self) -> tuple[Step, ...]:
        """The steps that undo the run, in the order in which to run them."""
        return tuple(step for made in reversed(self.made) for step in made.undo)


class Journal:
    """The journal of one run. Every method returns when its line is on disk."""

    def __init__(self, system: System, number: int) -> None:
        self.system = system
        self.number = number

    def begin(self, agent: str, desired: Desired, before: Found, confirm_by: str = "") -> None:
        """Open the journal, and list the run in the file ``open``, which the recovery unit looks for at boot."""
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
        except BaseException:  # nothing was changed, so a boot has nothing to undo
            with suppress(OSError, ProvisionerError):
                _open(self.system, set(listed(self.system)) - {self.number})
            raise

    def change(self, resource: str, restart: Step | None, keys: Iterable[str] = ()) -> None:
        """Record that a resource's change starts. The undo of the change includes its restart."""
        self._line("change", resource=resource, keys=list(keys), settle=[to_dict(restart)] if restart else [])

    def step(self, step: Step, undo: tuple[Step, ...]) -> None:
        """Record a step that is about to run."""
        self._line("step", step=to_dict(step), undo=[to_dict(s) for s in undo])

    def made(self, found: Mapping[str, Any]) -> None:
        """Record the result of the last step."""
        self._line("made", **found)

    def settle(self, step: Step) -> None:
        """Record a restart or a reload that is about to run."""
        self._line("settle", step=to_dict(step))

    def undoing(self) -> None:
        """Record that an undo is about to put a setting back, which the daemon must then be told.

        The run is open from now on, so that whatever runs next finishes the undo, also at boot. A failure to record it
        stops no undo.
        """
        with suppress(OSError, ProvisionerError):
            _open(self.system, {*listed(self.system), self.number})
        with suppress(OSError, ProvisionerError):  # on a full disk, a line often fits where a new file does not
            self._line("undo")

    def last(self, step: Step) -> None:
        """Record a step that will discard what was kept for a rollback."""
        self._line("last", step=to_dict(step))

    def end(self, outcome: str) -> None:
        """Record how the run ended: converged, held, rolled back, rollback failed, undone, or unconfirmed."""
        line = {"event": "end", "outcome": outcome, "time": self.system.now()}
        path = file(self.system, self.number)
        try:
            self.system.append(path, json.dumps(line))
        except OSError as e:
            if e.errno not in FULL:
                raise
            self.system.remove(_reserve(self.system))
            self.system.append(path, json.dumps(line))
        finally:  # a boot must not undo a run that ended, even if its outcome could not be written
            if outcome != UNCONFIRMED:
                _open(self.system, set(listed(self.system)) - {self.number})

    def reopen(self) -> None:
        """Record that the run's files were put back, but that the rest of the undo still has to run."""
        self._line("end", outcome=None, time=self.system.now())

    def _line(self, event: str, **fields: Any) -> None:
        self.system.append(file(self.system, self.number), json.dumps({"event": event, **fields}))


def _reserve(host: Reader) -> str:
    return f"{host.state}/reserve"


def _open(system: System, listed: set[int]) -> None:
    """Write the list of runs that have not ended. Remove the file if the list is empty."""
    if listed:
        system.write(opened(system), "".join(f"{n}\n" for n in sorted(listed)), 0o600)
    else:
        system.remove(opened(system))
        system.remove(_reserve(system))


def closed(system: System) -> None:
    """Record that no run is open."""
    _open(system, set())


def prepare(system: System) -> None:
    """Create the state directory, readable only by its owner."""
    system.make_directories(system.state.rpartition("/")[0], 0o755)
    for folder in (system.state, receipts.folder(system)):
        if system.stat(folder) is None:
            system.make_directory(folder, 0o700)


def lock(host: Reader) -> str:
    """Return the path of the lock file. Only one apply at a time can hold it."""
    return receipts.lock(host)


def following(host: Reader) -> int:
    """Return the number for the next run."""
    return max((*numbers(host), *listed(host)), default=0) + 1


def read(host: Reader, number: int) -> Receipt:
    """Read one receipt.

    Raises: ProvisionerError if it does not exist, is damaged, or was written by a newer provisioner.
    """
    text = host.read(file(host, number))
    if text is None:
        known = ", ".join(map(str, numbers(host))) or "none"
        raise ProvisionerError(f"there is no receipt {number}", hint=f"the receipts on this host: {known}")
    lines = receipts.lines(text)
    if not lines:  # the power failed while the file was opened, so nothing was changed yet
        return Receipt(number, "", "", Desired(), (), (), frozenset(), (), False, (), "", "empty")
    begin = lines[0]
    if begin.get("format") != FORMAT:
        hint = "use the provisioner that wrote it, or a newer one"
        raise ProvisionerError(f"{file(host, number)}: its format {begin.get('format')} is not known here", hint=hint)
    try:
        return _told(number, begin, lines)
    except (KeyError, TypeError, ValueError, AttributeError):
        hint = "move it away, and what it would undo stays as it is"
        raise ProvisionerError(f"{file(host, number)}: this is not a history entry of provisioner", hint=hint) from None


def _told(number: int, begin: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Receipt:
    """Build a receipt from the lines of its file."""
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
        undoing=[line["event"] for line in lines if line["event"] in ("end", "undo")][-1:] == ["undo"],
    )


def _keys(change: Mapping[str, Any], before: Found) -> Iterable[Key]:
    """Return the keys that a change affects.

    Receipts of older agents do not list them. For those, return all keys of the resource that differed before the run.
    """
    resource = change["resource"]
    named = change.get("keys")
    keys = [d.key for r, d in before if r == resource] if named is None else named
    return ((resource, key) for key in keys)


def last(host: Reader) -> Receipt | None:
    """Return the newest receipt, or None if there is none."""
    known = numbers(host)
    return read(host, known[-1]) if known else None


def every(host: Reader) -> tuple[Receipt, ...]:
    """Return all receipts that this provisioner can read, oldest first."""
    return tuple(found for n in numbers(host) if (found := readable(host, n)))


def readable(host: Reader, number: int) -> Receipt | None:
    """Read one receipt. Return None if it is damaged or in another format, so that it does not hide the others."""
    try:
        return read(host, number)
    except DeniedError:
        raise
    except ProvisionerError:
        return None


def refuse(host: System, chosen: Iterable[Receipt]) -> None:
    """Raise DeniedError if others can change the history of some runs: their end could not be recorded there."""
    for receipt in chosen if host.uid == 0 else ():
        if folder := host.changeable(file(host, receipt.number)):
            hint = f"close it: chown root {folder}; chmod go-w {folder}"
            raise DeniedError(f"other users can change {folder}, so provisioner does not write there", hint=hint)


def open_runs(host: Reader) -> tuple[Receipt, ...]:
    """Return the runs that were interrupted or that wait for confirmation, oldest first."""
    known = set(numbers(host))
    found = [read(host, n) for n in listed(host) if n in known]
    return tuple(r for r in found if r.outcome in (None, UNCONFIRMED))


def half_undone(host: Reader) -> tuple[Receipt, ...]:
    """Return the runs that had ended well, and whose undo was cut off, oldest first."""
    known = set(numbers(host))
    found = [read(host, n) for n in listed(host) if n in known]
    return tuple(r for r in found if r.undoing and r.outcome not in (None, UNCONFIRMED, *OVER))


def cut_off(host: Reader) -> Receipt | None:
    """Return the newest interrupted run, or None if every run ended."""
    found = [r for r in open_runs(host) if r.outcome is None]
    return found[-1] if found else None


def unconfirmed(host: Reader) -> tuple[Receipt, ...]:
    """Return the runs that wait for confirmation, oldest first."""
    return tuple(r for r in open_runs(host) if r.outcome == UNCONFIRMED)


def undoes(host: Reader) -> tuple[Run | CallCluster, ...]:
    """Return the programs and cluster calls that undo the applies in effect, newest first.

    The tuple is empty if this user may not read the receipts.
    """
    try:
        found = reversed(every(host))
    except DeniedError:
        return ()
    return tuple(s for r in found if r.outcome not in OVER for s in r.undo if isinstance(s, Run | CallCluster))
