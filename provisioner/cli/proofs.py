"""A proof as a table and as JSON."""

from collections.abc import Iterable
from typing import Any

from provisioner.cli import screen
from provisioner.proof.local import Proof, Row
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


def as_json(proof: Proof | None) -> dict[str, Any] | None:
    """Return the proof of an apply, or None if nothing had to be proven."""
    return proof and {"index": proof.digest, "platforms": [r._asdict() for r in proof.rows]}


def _yes(value: bool) -> str:
    return "yes" if value else "no"
