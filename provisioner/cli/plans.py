"""Plans and the outcome of an apply, as text and as JSON."""

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from provisioner import secrets
from provisioner.checks.text import DIM, GREEN, PLAIN, RED, YELLOW
from provisioner.daemon.desktop_control import Stop
from provisioner.daemon.restart import Restart
from provisioner.model import Value
from provisioner.runs.waiting import Waiting
from provisioner.steps import Blocked, Change, Plan, Step
from provisioner.text.terminal import printable

DIFF = {"+": GREEN, "-": RED, "@": DIM}  # by the character that begins a line of a unified diff


class Line(NamedTuple):
    """A line of an answer, and its color."""

    words: str
    color: str = ""


def lines(made: Plan) -> Iterator[Line]:
    """Yield a plan as lines: differences, steps with diffs, blocked changes with reasons, and a summary."""
    if not made:
        yield Line("nothing to do: the host is as the configuration wants it")
        return
    for change in made.changes:
        yield from _change(change)
        yield Line("")
    yield Line(summary(made))


def as_text(found: Iterable[Line], *, colored: bool) -> str:
    """Return lines as text for people: secrets hidden, without control characters, and in color if asked for."""
    return "\n".join(
        f"{line.color}{words}{PLAIN}" if colored and line.color else words
        for line in found
        for words in map(printable, secrets.text(line.words).split("\n"))
    )


def summary(made: Plan) -> str:
    """Summarize a plan in one line, such as ``3 changes; Docker restarts once; 1 difference is blocked``."""
    acting = sum(1 for c in made.changes if c.steps)
    restarts = any(isinstance(s, Restart | Stop) for c in made.changes for s in c.steps)
    blocked = len(made.blocked)
    parts = [
        f"{acting} change{'s' if acting != 1 else ''}" if acting else "no changes",
        "Docker restarts once" if restarts else "Docker is not restarted",
        f"{blocked} difference{'s are' if blocked != 1 else ' is'} blocked" if blocked else "",
    ]
    return "; ".join(p for p in parts if p)


def _change(change: Change) -> Iterator[Line]:
    yield Line(change.resource)
    for d in change.differences:
        yield Line(f"  {d.key}: {_value(d.key, d.have)} -> {_value(d.key, d.want)}")
    for step in change.edits:
        yield Line(f"  - {step.sentence()}")
        for line in secrets.text(step.diff()).splitlines():  # a secret may span several lines
            yield Line(f"      {line}", DIFF.get(line[:1], ""))
    if change.restart:
        yield Line(f"  - then {change.restart.sentence()}, and wait until it answers")
    yield from (Line(f"  - then {step.sentence()}") for step in change.trial)
    yield from (Line(f"  - after the proof {step.sentence()}") for step in change.after)
    yield from (Line(f"  - at the very end {step.sentence()}") for step in change.last)
    for obstacle in dict.fromkeys(b.obstacle for b in change.blocked):
        yield Line(f"  blocked: {obstacle.message}", YELLOW)
        yield Line(f"    hint: {obstacle.hint}", DIM)
    yield from (Line(f"  note: {note}", YELLOW) for note in change.notes)


def outcome(left: Plan, receipt: int | None, put_off: Collection[Waiting] = (), *, image: str = "") -> str:
    """Describe how an apply ended. No command takes back what was done to an ``image``."""
    lines = [*_put_off(put_off)]
    if receipt is None:
        lines.append("nothing had to be changed")
    else:
        lines.append(f"done: {image} is changed" if image else f"done; `provisioner rollback {receipt}` takes it back")
    return "\n".join((*lines, *(f"blocked: {line}" for line in _blocks(left))))


def left_alone(left: Plan, receipt: int | None, put_off: Collection[Waiting] = ()) -> str:
    """Describe an apply that left something blocked, for the journal: what is blocked, then what is done."""
    undo = f"everything else is done; `provisioner rollback {receipt}` takes it back"
    return "\n".join((*_blocks(left), *_put_off(put_off), undo))


def _blocks(left: Plan) -> Iterator[str]:
    """Yield each reason why something is blocked, with its hint in a line below."""
    for resource, obstacle in dict.fromkeys((r, b.obstacle) for r, b in left.blocked):
        yield f"{resource}: {obstacle.message}\n  hint: {obstacle.hint}"


def _put_off(put_off: Collection[Waiting]) -> Iterator[str]:
    """Yield what earlier applies had put off and this one did, by reason."""
    for since, reason in dict.fromkeys((w.since, w.reason) for w in put_off):
        what = dict.fromkeys(w.resource for w in put_off if (w.since, w.reason) == (since, reason))
        yield f"{', '.join(what)}: put off until now, since {since}: {reason}"


def as_json(made: Plan) -> list[dict[str, Any]]:
    """Return a plan as JSON: for each resource the differences, the ordered steps, and what blocks the others."""
    return [
        {
            "resource": change.resource,
            "differences": [d._asdict() for d in change.differences],
            "steps": [_step(phase, step) for phase, steps in _phases(change) for step in steps],
            "blocked": [_blocked(b) for b in change.blocked],
            "notes": change.notes,
        }
        for change in made.changes
    ]


def _phases(change: Change) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """Group the steps of a change by phase."""
    return (
        ("edit", change.edits),
        ("restart", (change.restart,) if change.restart else ()),
        ("trial", change.trial),
        ("after", change.after),
        ("last", change.last),
    )


def _step(phase: str, step: Step) -> dict[str, Any]:
    named = getattr(step, "unit", "")
    unit = {"unit": named} if named else {}
    return {"phase": phase, "kind": step.kind, "does": step.sentence(), "diff": step.diff() or None, **unit}


def _blocked(blocked: Blocked) -> dict[str, Any]:
    obstacle = blocked.obstacle
    return {"key": blocked.key, **obstacle.as_json(), "fatal": obstacle.fatal, "restart": obstacle.restart}


def _value(key: str, value: Value) -> str:
    if value is None:
        return "missing"
    return json.dumps(value) if isinstance(value, bool) else str(secrets.value(key, value))
