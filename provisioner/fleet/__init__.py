"""Many hosts' results as one answer: a table, a JSON summary, or a page."""

import time

from provisioner.fleet import page, read, summary_json, text
from provisioner.fleet.summary import Fleet
from provisioner.host import streams

RENDERERS = {"text": text.render, "json": summary_json.render, "html": page.render}


def report(sources: list[str], kind: str, silent_after: int, expected: str | None) -> str:
    """The answer. Bad results are part of it, never an error.

    ``silent_after``: seconds; ``expected``: a file with the name of every host that there is, one a line.
    """
    fleet = Fleet(int(time.time()), silent_after)
    fleet.add(read.hosts(sources))
    if expected:
        fleet.expect(line.decode(errors="replace").strip() for line in streams.lines(expected))
    return RENDERERS[kind](fleet.close())
