"""The record: what the last recorded check found, and what is new since."""

import json
from collections.abc import Iterator

from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.system import System
from provisioner.typed import Any

SCHEMA_VERSION = 1

Result = dict[str, Any]


def folder(host: Reader) -> str:
    """Where the record is kept: apart from what an apply keeps, for a check must never stand in its way."""
    return f"{host.state}-check"


def read(host: Reader) -> Result:
    """What the last recorded check found; empty where there is none, or none that we may or can read."""
    try:
        last = json.loads(host.read(f"{folder(host)}/check.json") or "{}")
    except (DeniedError, ValueError):
        return {}
    return last if isinstance(last, dict) and last.get("schema_version") == SCHEMA_VERSION else {}


def keep(system: System, result: Result) -> None:
    """Make this the record."""
    if system.stat(folder(system)) is None:
        system.make_directory(folder(system), 0o755)
    system.write(f"{folder(system)}/check.json", json.dumps(result) + "\n", 0o644)


def news(before: Result, now: Result) -> Iterator[tuple[str, list[str]]]:
    """``drift found`` and ``drift gone`` with the keys that it is about, as far as the two results differ in them."""
    old, new = keys(before), keys(now)
    unseen = {(u["resource"], u["key"]) for u in now["unknown"]}
    for event, there in (("drift found", new - old), ("drift gone", old - new - unseen)):
        if there:
            yield event, [f"{r}: {k}" for r, k in sorted(there)]


def keys(result: Result) -> set[tuple[str, str]]:
    """What drifted."""
    return {(d["resource"], d["key"]) for d in result.get("differences", ())}
