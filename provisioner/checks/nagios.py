"""A check's result in the format of monitoring plug-ins: one line, then performance data.

https://www.monitoring-plugins.org/doc/guidelines.html: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
"""

from typing import Any

from provisioner.checks import failure
from provisioner.text.states import value
from provisioner.text.terminal import printable

STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


OK, WARNING, CRITICAL, UNKNOWN = range(4)
STATES_OF = {
    "in-sync": OK,
    "blocked": WARNING,
    "drifted": CRITICAL,
    "interrupted": CRITICAL,
    "unknown": UNKNOWN,
}


def status(result: dict[str, Any]) -> int:
    """Return the exit status of the plug-in.

    CRITICAL means drift, an interrupted apply, or that Docker is down. UNKNOWN means that the check could not run.
    """
    if result["status"] == "failed":
        return CRITICAL if result["error"]["code"] in failure.NO_ENGINE else UNKNOWN
    return STATES_OF[result["status"]]


def render(result: dict[str, Any]) -> str:
    """Return one line. The text contains no pipe character, because a pipe starts the performance data."""
    drift, unknown = result["differences"], result["unknown"]
    if error := result["error"]:
        text = f"{error['message']} (since {error['since']}); {error['hint']}"
        return f"{line(status(result), text)} | time={result['duration_seconds']}s"
    named = [f"{d['resource']}: {d['key']}: {value(d['have'])}" for d in drift]
    named += [f"{u['resource']}: {u['key']} is unknown" for u in unknown]
    if result["interrupted"]:
        named.append(f"apply {result['interrupted']} was cut off")
    if result["hold"]:
        named.append(f"applies are held until {result['hold']['until']}")
    data = f"drifted={len(drift)};;0 unknown={len(unknown)};0 time={result['duration_seconds']}s"
    return f"{line(status(result), '; '.join(named) or 'in sync')} | {data}"


def line(state: int, text: str) -> str:
    """Return the plug-in's output as one line."""
    safe = printable(text.replace("|", "/"), keep="", instead=" ")
    return f"PROVISIONER {STATES[state]} - {safe}"
