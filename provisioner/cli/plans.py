"""What apply would do, and how it ended, as text and as JSON has it."""

import json
from typing import Any

from provisioner import secrets
from provisioner.model import Value
from provisioner.steps import Blocked, Change, Plan, Step


def as_text(made: Plan) -> str:
    """What apply would do: differences, steps with their diffs, what must follow, what is held and why."""
    if not made:
        return "nothing to do: the host is as the configuration wants it"
    return "\n\n".join(_change(change) for change in made.changes)


def _change(change: Change) -> str:
    lines = [change.resource]
    lines += [f"  {d.key}: {_value(d.key, d.have)} -> {_value(d.key, d.want)}" for d in change.differences]
    for step in change.edits:
        lines.append(f"  - {step.sentence()}")
        lines += [f"      {line}" for line in step.diff().splitlines()]
    lines += [f"  - then {change.restart.sentence()}, and wait until it answers"] if change.restart else []
    lines += [f"  - then {step.sentence()}" for step in change.trial]
    lines += [f"  - at the very end {step.sentence()}" for step in change.last]
    lines += [f"  held: {o.message}\n    hint: {o.hint}" for o in dict.fromkeys(b.obstacle for b in change.blocked)]
    lines += [f"  note: {note}" for note in change.notes]
    return "\n".join(lines)


def outcome(left: Plan, receipt: int | None) -> str:
    """How an apply ended."""
    lines = []
    if receipt is None:
        lines.append("nothing had to be changed")
    else:
        lines.append(f"done; `provisioner rollback {receipt}` takes it back")
    for resource, obstacle in dict.fromkeys((r, b.obstacle) for r, b in left.blocked):
        lines.append(f"held: {resource}: {obstacle.message}\n  hint: {obstacle.hint}")
    return "\n".join(lines)


def as_json(made: Plan) -> list[dict[str, Any]]:
    """A plan as JSON has it."""
    return [
        {
            "resource": c.resource,
            "differences": [d._asdict() for d in c.differences],
            "edits": [{**_step(s), "diff": s.diff()} for s in c.edits],
            "settle": [{**_step(c.restart), "unit": getattr(c.restart, "unit", "")}] if c.restart else [],
            "trial": [_step(s) for s in c.trial],
            "last": [_step(s) for s in c.last],
            "held": [_as_json(b) for b in c.blocked],
            "notes": c.notes,
        }
        for c in made.changes
    ]


def _step(step: Step) -> dict[str, str]:
    return {"step": type(step).__name__, "does": step.sentence()}


def _value(key: str, value: Value) -> str:
    if value is None:
        return "missing"
    return json.dumps(value) if isinstance(value, bool) else str(secrets.value(key, value))


def _as_json(blocked: Blocked) -> dict[str, Any]:
    obstacle = blocked.obstacle
    return {
        "key": blocked.key,
        "code": obstacle.code,
        "reason": obstacle.message,
        "hint": obstacle.hint,
        "numbers": dict(obstacle.numbers),
        "fatal": obstacle.fatal,
        "restart": obstacle.restart,
    }
