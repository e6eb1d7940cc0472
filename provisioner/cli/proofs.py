"""A proof as a table for a person, and as JSON has it."""

from collections.abc import Iterable
from typing import Any

from provisioner.cli import screen
from provisioner.proof.local import Proof, Row
from provisioner.text.terminal import columns, printable


def as_text(rows: Iterable[Row], digest: str) -> str:
    """The proof as a table, and the digest of the index; where each was built when there is a choice."""
    table: list[tuple[str, ...]] = [("PLATFORM", "BUILT", "IN THE INDEX", "RUNS", "HOW", "BUILT BY")]
    table += [_row(row) for row in rows]
    last = len(table[0]) if any(where for *_, where in table[1:]) else -1
    shown = columns([row[:last] for row in table], screen.width())
    return f"{shown}\nindex {digest}" if digest else shown


def _row(row: Row) -> tuple[str, ...]:
    how, where = printable(row.error or row.how), printable(row.where)
    return row.platform, _yes(row.built), _yes(row.indexed), _yes(row.runs), how, where


def as_json(proof: Proof | None) -> dict[str, Any] | None:
    """The proof of an apply; None: nothing had to be proven."""
    return proof and {"index": proof.digest, "platforms": [r._asdict() for r in proof.rows]}


def _yes(value: bool) -> str:
    return "yes" if value else "no"
