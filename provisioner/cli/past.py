"""The history of applies as data: what each one was about, when it was, and how it ended."""

from typing import Any

from provisioner.errors import DeniedError, ProvisionerError
from provisioner.model import Reader
from provisioner.runs import journal, receipts
from provisioner.runs.journal import Receipt
from provisioner.runs.undo import CHANGED, DO, SO, Item

__all__ = ["CHANGED", "CUT_OFF", "DO", "FATES", "SO"]
CUT_OFF = "cut off"
# What becomes of a step of a rollback, for a person.
FATES = {SO: "it is so already", CHANGED: "somebody has changed it since"}


def entries(host: Reader) -> list[dict[str, Any]] | None:
    """Every entry, newest first; None: this user may not know."""
    try:
        return [entry(host, number) for number in reversed(receipts.numbers(host))]
    except DeniedError:
        return None


def entry(host: Reader, number: int) -> dict[str, Any]:
    """One entry. One that cannot be read hides neither the others nor the host."""
    try:
        found = journal.read(host, number)
    except DeniedError:
        raise
    except ProvisionerError as e:
        return {
            "number": number,
            "time": None,
            "outcome": "unreadable",
            "changed": [],
            "undo": [],
            "problem": e.message,
        }
    return {
        "number": number,
        "time": found.time or None,
        "outcome": found.outcome or CUT_OFF,
        "changed": [{"resource": r, **d._asdict()} for r, d in found.before],
        "undo": steps(found),
        "problem": None,
    }


def steps(found: Receipt) -> list[dict[str, Any]]:
    """What going back would do, in order."""
    return [{"kind": s.kind, "does": s.sentence()} for s in (*found.undo, *found.restarts)]


def planned(found: Receipt, items: tuple[Item, ...]) -> dict[str, Any]:
    """What a rollback would do about one entry."""
    steps = [{"kind": i.step.kind, "does": i.step.sentence(), "fate": i.fate} for i in items]
    return {"number": found.number, "time": found.time, "outcome": found.outcome or CUT_OFF, "steps": steps}


def value(found: Any) -> str:
    """A value as a person reads it."""
    return "missing" if found is None else str(found).lower() if isinstance(found, bool) else str(found)
