"""The history of applies as data: what each changed, when it ran, and how it ended."""

from typing import Any

from provisioner import secrets
from provisioner.errors import DeniedError, ProvisionerError
from provisioner.model import Reader
from provisioner.runs import journal, receipts
from provisioner.runs.journal import Receipt
from provisioner.runs.undo import CHANGED, DO, SO, Item

__all__ = ["CHANGED", "CUT_OFF", "DO", "FATES", "SO"]
CUT_OFF = "cut off"
SHOWN = {"": CUT_OFF, "held": "blocked"}  # what receipts call otherwise
# Why a rollback skips a step, in words for people.
FATES = {SO: "it is so already", CHANGED: "somebody has changed it since"}


def entries(host: Reader) -> list[dict[str, Any]] | None:
    """Return all entries, newest first, or None if this user may not read the history."""
    try:
        return [entry(host, number) for number in reversed(receipts.numbers(host))]
    except DeniedError:
        return None


def entry(host: Reader, number: int) -> dict[str, Any]:
    """Return one entry. An unreadable entry is marked as such, so that the others can still be listed."""
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
        "outcome": _outcome(found),
        "changed": [{"resource": r, **d._asdict()} for r, d in found.before],
        "undo": steps(found),
        "problem": None,
    }


def _outcome(found: Receipt) -> str:
    word = found.outcome or ""
    return SHOWN.get(word, word)


def steps(found: Receipt) -> list[dict[str, Any]]:
    """Return the steps that undo an apply, in order."""
    return [{"kind": s.kind, "does": s.sentence()} for s in (*found.undo, *found.restarts)]


def planned(found: Receipt, items: tuple[Item, ...]) -> dict[str, Any]:
    """Return what a rollback would do for one entry."""
    steps = [{"kind": i.step.kind, "does": i.step.sentence(), "fate": i.fate} for i in items]
    return {"number": found.number, "time": found.time, "outcome": _outcome(found), "steps": steps}


def value(key: str, found: Any) -> str:
    """Format the value of a key for people."""
    found = secrets.value(key, found)
    return "missing" if found is None else str(found).lower() if isinstance(found, bool) else str(found)
