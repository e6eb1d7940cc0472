"""Many hosts' results as one answer: a table, a JSON summary, or a page."""

import time

from provisioner.fleet import page, read, summary_json, text
from provisioner.fleet.summary import Fleet
from provisioner.host import streams
from provisioner.runs import freeze

RENDERERS = {"text": text.render, "json": summary_json.render, "html": page.render}


def report(sources: list[str], kind: str, silent_after: str, expected: str | None) -> str:
    """The answer. ``silent_after``: ``2d``; ``expected``: a file with the name of every host that there is, one a line.

    UsageError: no such time. Bad results are part of the answer, never an error.
    """
    fleet = Fleet(int(time.time()), freeze.seconds(silent_after))
    fleet.add(read.hosts(sources))
    if expected:
        fleet.expect(line.decode(errors="replace").strip() for line in streams.lines(expected))
    return RENDERERS[kind](fleet.close())
