"""The results of many hosts as one table, JSON summary or page."""

import time
from collections.abc import Collection

from provisioner.errors import UsageError
from provisioner.fleet import page, read, summary_json, text
from provisioner.fleet.summary import Fleet
from provisioner.host import streams

# The words that `--fail-on` accepts, and the states that each covers.
FAILING = {
    "drift": ("drift", "cut off"),
    "blocked": ("blocked",),
    "failed": ("failed",),
    "silent": ("silent",),
    "unknown": ("unknown",),
}


def gather(sources: list[str], silent_after: int, expected: str | None) -> Fleet:
    """Read results into a fleet. Bad results become part of it and never raise an error.

    ``silent_after`` is in seconds. ``expected`` is a file that names every existing host, one per line.
    """
    if not any(source == "-" or streams.exists(source) for source in sources):
        raise UsageError(f"{', '.join(sources)}: no such file or folder", hint="name results of checks, or - for stdin")
    fleet = Fleet(int(time.time()), silent_after)
    fleet.add(read.hosts(sources))
    if expected:
        try:
            fleet.expect(line.decode(errors="replace").strip() for line in streams.lines(expected))
        except OSError as e:
            raise UsageError(f"--expect {expected}: {e.strerror}", hint="name a file with a host a line") from None
    return fleet.close()


def render(fleet: Fleet, kind: str, status: int = 0) -> str:
    """Render a fleet as text, json or html."""
    if kind == "json":
        return summary_json.render(fleet, status)
    return {"text": text.render, "html": page.render}[kind](fleet)


def report(sources: list[str], kind: str, silent_after: int, expected: str | None) -> str:
    """Read results and render the report."""
    return render(gather(sources, silent_after, expected), kind)


def failing(fleet: Fleet, names: Collection[str]) -> bool:
    """Tell whether any host is in one of the given states."""
    states = fleet.states()
    missing = "missing" in names and fleet.missing > 0
    return missing or any(states[state] for name in names for state in FAILING.get(name, ()))
