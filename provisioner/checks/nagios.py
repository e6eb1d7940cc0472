"""A check's result as a monitoring plug-in says it: one line, then performance data.

https://www.monitoring-plugins.org/doc/guidelines.html: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
"""

from typing import Any

from provisioner.errors import Exit
from provisioner.text.terminal import printable

STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def status(result: dict[str, Any]) -> int:
    """Critical is drift; a warning, when all of it is held, or an apply was cut off; unknown, what cannot be seen."""
    drift = result["differences"]
    if any(not d["held"] for d in drift):
        return 2
    if drift or result["interrupted"]:
        return 1
    return 0 if result["status"] == Exit.OK else 3


def render(result: dict[str, Any]) -> str:
    """One line; a pipe would begin the performance data, so none is in the text."""
    drift, unknown = result["differences"], result["unknown"]
    named = [f"{d['resource']}: {d['key']} is {d['have']}" for d in drift]
    named += [f"{u['resource']}: {u['key']} is unknown" for u in unknown]
    if result["interrupted"]:
        named.append(f"the apply of receipt {result['interrupted']} was cut off")
    if result["hold"]:
        named.append(f"applies are held until {result['hold']['until']}")
    data = f"drifted={len(drift)};;0 unknown={len(unknown)};0 time={result['duration_seconds']}s"
    return f"{line(status(result), '; '.join(named) or 'in sync')} | {data}"


def line(state: int, text: str) -> str:
    """What the plug-in says, on one line."""
    safe = printable(text.replace("|", "/"), keep="", instead=" ")
    return f"PROVISIONER {STATES[state]} - {safe}"
