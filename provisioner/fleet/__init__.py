"""Many hosts' results as one answer: a table, a JSON summary, or a page."""

import time
from collections.abc import Collection

from provisioner.errors import UsageError
from provisioner.fleet import page, read, summary_json, text
from provisioner.fleet.summary import Fleet
from provisioner.host import streams

# What `--fail-on` names, with the states that it stands for.
FAILING = {
    "drift": ("drift", "cut off"),
    "blocked": ("blocked",),
    "failed": ("failed",),
    "silent": ("silent",),
    "unknown": ("unknown",),
}


def gather(sources: list[str], silent_after: int, expected: str | None) -> Fleet:
    """The fleet that the results make up. Bad results are part of it, never an error.

    ``silent_after``: seconds; ``expected``: a file with the name of every host that there is, one a line.
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
    """A fleet as text, json or html."""
    if kind == "json":
        return summary_json.render(fleet, status)
    return {"text": text.render, "html": page.render}[kind](fleet)


def report(sources: list[str], kind: str, silent_after: int, expected: str | None) -> str:
    """The answer."""
    return render(gather(sources, silent_after, expected), kind)


def failing(fleet: Fleet, names: Collection[str]) -> bool:
    """Whether a host is in one of the states that a pipeline wants to stop at."""
    states = fleet.states()
    missing = "missing" in names and fleet.missing > 0
    return missing or any(states[state] for name in names for state in FAILING.get(name, ()))
