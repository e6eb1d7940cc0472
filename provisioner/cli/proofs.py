"""A proof as a table and as JSON."""

from collections.abc import Iterable
from typing import Any

from provisioner.cli import screen
from provisioner.proof import timing
from provisioner.proof.local import Proof, Row
from provisioner.proof.timing import Timed
from provisioner.text.terminal import columns, printable


def as_text(rows: Iterable[Row], digest: str) -> str:
    """Return the proof as a table, with the digest of the index. If nodes differ, it shows where each was built."""
    table: list[tuple[str, ...]] = [("PLATFORM", "BUILT", "IN THE INDEX", "RUNS", "HOW", "BUILT BY")]
    table += [_row(row) for row in rows]
    last = len(table[0]) if any(where for *_, where in table[1:]) else -1
    shown = columns([row[:last] for row in table], screen.width())
    return f"{shown}\nindex {digest}" if digest else shown


def _row(row: Row) -> tuple[str, ...]:
    how, where = printable(row.error or row.how), printable(row.where)
    return row.platform, _yes(row.built), _yes(row.indexed), _yes(row.runs), how, where


def times(rows: Iterable[Timed]) -> str:
    """Return the times as a table, with what they mean."""
    found = tuple(rows)
    table: list[tuple[str, ...]] = [("PLATFORM", "A START", "THE LOAD", "SLOWER", "HOW")]
    for row in found:
        if row.start_seconds is None or row.compute_seconds is None:
            table.append((row.platform, "-", "-", "-", printable(row.why)))
            continue
        slower = f"{row.start_times:g}x, {row.compute_times:g}x"
        start, load = f"{row.start_seconds * 1000:.1f} ms", f"{row.compute_seconds:.2f} s"
        table.append((row.platform, start, load, slower, printable(row.how)))
    return "\n".join(filter(None, (columns(table, screen.width()), timing.slowest(found))))


def as_json(proof: Proof | None) -> dict[str, Any] | None:
    """Return the proof of an apply, or None if nothing had to be proven."""
    return proof and {"index": proof.digest, "platforms": [r._asdict() for r in proof.rows]}


def _yes(value: bool) -> str:
    return "yes" if value else "no"
