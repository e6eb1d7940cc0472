"""What was found as one JSON document, or as a table for a person."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from provisioner import secrets
from provisioner.text.terminal import columns, printable

SCHEMA_VERSION = 1


def proof(rows: Iterable[tuple[str, bool, bool, bool, str, str, bool, bool, str]], digest: str) -> str:
    """The proof as a table, and the digest of the index; where each was built when there is a choice."""
    table: list[tuple[str, ...]] = [("PLATFORM", "BUILT", "IN THE INDEX", "RUNS", "HOW", "BUILT BY")]
    table += [
        (p, _yes(built), _yes(there), _yes(runs), printable(error or how), printable(where))
        for p, built, there, runs, how, error, *_, where in rows
    ]
    shown = len(table[0]) if any(where for *_, where in table[1:]) else -1
    table = [row[:shown] for row in table]
    return f"{columns(table)}\nindex {digest}" if digest else columns(table)


def detected(found: Mapping[str, Any]) -> str:
    """What this host is, a line a fact."""
    return columns([(f"{k}:", printable(_fact(v))) for k, v in found.items()])


def document(command: str, status: int, **content: Any) -> str:
    """One JSON document, without secrets."""
    head = {"schema_version": SCHEMA_VERSION, "command": command, "status": status}
    return json.dumps({**head, **secrets.everywhere(content)}, indent=2)


def _fact(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "unknown" if value is None else "yes" if value is True else "no" if value is False else str(value)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
