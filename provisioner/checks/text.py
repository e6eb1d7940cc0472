"""A check's result as text: what differs, what caused it, and what to do about it."""

from collections.abc import Iterator

from provisioner.text.states import differing
from provisioner.text.terminal import printable
from provisioner.typed import Any

RED, GREEN, YELLOW, DIM, PLAIN = "\033[31m", "\033[32m", "\033[33m", "\033[2m", "\033[0m"
SHOWN = 3  # the keys that a line names of those that are unknown for one reason
CAUSES = {"corrective": "changed on the host", "intended": "new in the configuration", None: ""}


def render(result: dict[str, Any], colour: bool) -> str:
    """Return one line per difference. Colors never carry information of their own."""
    return "\n".join(_line(text, paint if colour else "") for text, paint in _lines(result))


def _lines(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if result["interrupted"]:
        cut = result["interrupted"]
        yield f"apply {cut} was cut off: `provisioner rollback` undoes it, and so does the next apply", YELLOW
    for d in result["differences"]:
        yield f"{d['resource']}: {d['key']}: {differing(d['have'], d['want'])}{_history(d)}", RED
    yield from ((line, YELLOW) for line in _unknown(result["unknown"]))
    yield from _blocked(result["differences"])
    for change in result["apply"]:
        yield from ((f"apply would {step['does']}", DIM) for step in change["steps"])
    yield from ((f"note: {note}", YELLOW) for note in result["notes"])
    if hold := result["hold"]:
        yield f"applies are held until {hold['until']}: {hold['reason']} ({hold['by']})", YELLOW
    if not result["differences"] and not result["unknown"] and not result["interrupted"]:
        yield "in sync", GREEN


def _unknown(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Return each reason why something is unknown once, with what it hides."""
    keys: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        keys.setdefault((row["resource"], row["reason"]), []).append(row["key"])
    for (resource, reason), hidden in keys.items():
        more = f" and {len(hidden) - SHOWN} more" if len(hidden) > SHOWN else ""
        yield f"{resource}: {', '.join(hidden[:SHOWN])}{more} {'is' if len(hidden) == 1 else 'are'} unknown: {reason}"


def _blocked(differences: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Return each obstacle once, with all keys that it blocks."""
    keys: dict[tuple[str, str], list[str]] = {}
    for d in differences:
        if d["blocked"]:
            keys.setdefault((d["blocked"]["message"], d["blocked"]["hint"]), []).append(f"{d['resource']}: {d['key']}")
    for (message, hint), blocked in keys.items():
        yield f"blocked: {message} ({', '.join(blocked)})", YELLOW
        yield f"  hint: {hint}", DIM


def _history(d: dict[str, Any]) -> str:
    words = [CAUSES[d["cause"]], f"since {d['since']}" if d["since"] else ""]
    said = ", ".join(w for w in words if w)
    return f" ({said})" if said else ""


def _line(text: str, paint: str) -> str:
    safe = printable(text, keep="")
    return f"{paint}{safe}{PLAIN}" if paint else safe
