"""The write-ahead journal of an apply, and the receipt that it becomes.

One file a run, one JSON object a line, each on disk before the effect that it announces:

    begin   number, time, agent, configuration, the differences found
    change  a resource whose steps follow, and what must settle afterwards
    step    a step, and the steps that undo it
    made    what came of a step that only shows afterwards: digests of what was copied
    settle  a restart
    end     how it ended

A file without ``end`` is a run that was cut off. A torn last line is an effect that never began.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from provisioner.config.desired import Desired, from_json, to_json
from provisioner.daemon.restart import Reload, Restart
from provisioner.errors import DeniedError, ProvisionerError
from provisioner.host import System
from provisioner.model import Difference, Found, Reader
from provisioner.runs import receipts
from provisioner.runs.kinds import from_dict, to_dict
from provisioner.runs.receipts import FAILED, UNCONFIRMED, file, numbers, opened
from provisioner.steps import Step
from provisioner.steps.programs import Run

FORMAT = 1
OVER = ("rolled back", "undone", "removed", "empty")  # how a run ends of which nothing is left


class Receipt(NamedTuple):
    """One run, as its file tells it. ``undo`` is in the order in which it has to be run; ``outcome`` None: cut off."""

    number: int
    time: str
    desired: Desired
    before: Found
    undo: tuple[Step, ...]
    settle: tuple[Restart | Reload, ...]
    settled: bool
    outcome: str | None


class Journal:
    """The journal of one run: every method returns when its line is on disk."""

    def __init__(self, system: System, number: int) -> None:
        self.system = system
        self.number = number

    def begin(self, agent: str, desired: Desired, before: Found) -> None:
        """Open the journal; a unit that looks at boot is told by a file beside it."""
        prepare(self.system)
        self.system.write(opened(self.system), f"{self.number}\n", 0o600)
        self._line(
            "begin",
            format=FORMAT,
            number=self.number,
            time=self.system.now(),
            agent=agent,
            desired=to_json(desired),
            before=before,
        )

    def change(self, resource: str, restart: Step | None) -> None:
        """A resource's change begins; its restart belongs to undoing it, too."""
        self._line("change", resource=resource, settle=[to_dict(restart)] if restart else [])

    def step(self, step: Step, undo: tuple[Step, ...]) -> None:
        """A step is about to be made."""
        self._line("step", step=to_dict(step), undo=[to_dict(s) for s in undo])

    def made(self, found: Mapping[str, Any]) -> None:
        """What came of the last step."""
        self._line("made", **found)

    def settle(self, step: Step) -> None:
        """A restart, or a reload, is about to be made."""
        self._line("settle", step=to_dict(step))

    def end(self, outcome: str) -> None:
        """The run has ended: converged, held, rolled back, rollback failed, undone; or it is unconfirmed."""
        self._line("end", outcome=outcome, time=self.system.now())
        if outcome not in (FAILED, UNCONFIRMED):
            self.system.remove(opened(self.system))

    def reopen(self) -> None:
        """Its files are put back; the rest of the undo is still to be done."""
        self._line("end", outcome=None, time=self.system.now())

    def _line(self, event: str, **fields: Any) -> None:
        self.system.append(file(self.system, self.number), json.dumps({"event": event, **fields}))


def prepare(system: System) -> None:
    """Make the directory of our state, for its owner's eyes only."""
    system.make_directories(system.state.rpartition("/")[0], 0o755)
    for folder in (system.state, receipts.folder(system)):
        if system.stat(folder) is None:
            system.make_directory(folder, 0o700)


def lock(host: Reader) -> str:
    """The file that one apply at a time may hold."""
    return receipts.lock(host)


def read(host: Reader, number: int) -> Receipt:
    """One receipt. ProvisionerError: there is none, a newer provisioner wrote it, or it is damaged."""
    text = host.read(file(host, number))
    if text is None:
        known = ", ".join(map(str, numbers(host))) or "none"
        raise ProvisionerError(f"there is no receipt {number}", hint=f"the receipts on this host: {known}")
    lines = receipts.lines(text)
    if not lines:  # the power went while it was opened: nothing was done yet
        return Receipt(number, "", Desired(), (), (), (), False, "empty")
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
    undo = [from_dict(u) for line in reversed(lines) if line["event"] == "step" for u in line["undo"]]
    settle = [from_dict(s) for line in lines if line["event"] == "change" for s in line["settle"]]
    ends = [line["outcome"] for line in lines if line["event"] == "end"]
    return Receipt(
        number=number,
        time=begin["time"],
        desired=from_json(begin["desired"]),
        before=tuple((r, Difference(*d)) for r, d in begin["before"]),
        undo=tuple(undo),
        settle=tuple(dict.fromkeys(s for s in settle if isinstance(s, Restart | Reload))),
        settled=any(line["event"] == "settle" for line in lines),
        outcome=ends[-1] if ends else None,
    )


def last(host: Reader) -> Receipt | None:
    """The newest receipt; None: there is none yet."""
    known = numbers(host)
    return read(host, known[-1]) if known else None


def cut_off(host: Reader) -> Receipt | None:
    """The run that was cut off in the middle; None: the last one came to its end."""
    found = last(host)
    return found if found and found.outcome in (None, FAILED) else None


def undoes(host: Reader) -> tuple[Run, ...]:
    """The commands that undo the applies in effect, newest first; none where this user may not know."""
    try:
        every = [read(host, n) for n in reversed(numbers(host))]
    except DeniedError:
        return ()
    return tuple(s for r in every if r.outcome not in OVER for s in r.undo if isinstance(s, Run))
