"""Keep the history short: forget what is undone, and merge the oldest applies that are in effect into one entry.

An apply in effect is never forgotten, because only its entry says what the host was like before. Merging loses nothing
but the states between the merged applies: going back to before the entry puts back what was there before all of them.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from provisioner.host import System
from provisioner.runs import journal, receipts
from provisioner.runs.journal import OVER, Receipt

MERGED = ("converged", "held")
THING = ("path", "keys", "argv", "user")  # the fields of a step that say what it acts on


def prune(system: System, keep: int) -> None:
    """Leave the newest ``keep`` entries as they are, and shorten what is older. The caller holds the lock."""
    old = receipts.numbers(system)[:-keep]
    together: list[Receipt] = []
    for number in old:
        found = journal.readable(system, number)
        if found is not None and found.outcome in OVER:
            system.remove(receipts.file(system, number))
            continue
        if found is None or found.outcome not in MERGED or (together and not _alike(together[-1], found)):
            _merge(system, together)
            together = []
        if found is not None and found.outcome in MERGED:
            together.append(found)
    _merge(system, together)


def _alike(one: Receipt, other: Receipt) -> bool:
    """Return whether one undo can serve two applies: they are of the same engine and builder."""
    return (one.desired.engine, one.desired.builder.name) == (other.desired.engine, other.desired.builder.name)


def _merge(system: System, found: Sequence[Receipt]) -> None:
    """Write the applies as one entry with the number and the time of the newest, and remove the others."""
    if len(found) < 2:
        return
    newest = found[-1].number
    texts = [system.read(receipts.file(system, r.number)) or "" for r in found]
    lines = list(_lines([receipts.lines(text) for text in texts]))
    system.write(receipts.file(system, newest), "".join(f"{json.dumps(line)}\n" for line in lines), 0o600)
    for receipt in found[:-1]:
        system.remove(receipts.file(system, receipt.number))


def _lines(found: Sequence[Sequence[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield the lines of the merged entry. A step that repeats the last one on its thing is left out.

    Another step between them makes it the newest word again: without it, a removal would take the thing for changed.

    The configuration is that of the oldest apply: what differed before it is compared with that one.
    """
    first, last = found[0][0], found[-1]
    before = {(r, d[0]): [r, d] for lines in reversed(found) for r, d in lines[0]["before"]}
    kept = ("number", "time", "agent", "confirm_by")
    yield {**first, **{name: last[0][name] for name in kept if name in last[0]}, "before": list(before.values())}
    newest: dict[str, str] = {}
    for lines in found:
        skipped = False
        for line in lines[1:]:
            if line["event"] == "step":
                text = json.dumps([line["step"], line["undo"]], sort_keys=True)
                thing = json.dumps([line["step"].get(name) for name in THING])
                skipped = newest.get(thing) == text
                newest[thing] = text
            if line["event"] == "end" or (skipped and line["event"] in ("step", "made")):
                continue
            yield line
    yield next(line for line in reversed(last) if line["event"] == "end")
