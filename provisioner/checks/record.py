"""The record: what the last recorded check found, and what is new since."""

import json
from collections.abc import Iterator

from provisioner.errors import DeniedError
from provisioner.host import System
from provisioner.model import Reader
from provisioner.typed import Any

SCHEMA_VERSIONS = (1, 2)  # that an earlier check may have left

Result = dict[str, Any]


def folder(host: Reader) -> str:
    """Where the record is kept: apart from what an apply keeps, for a check must never stand in its way."""
    return f"{host.state}-check"


def read(host: Reader) -> Result:
    """What the last recorded check found; empty if there is none, or we may not or cannot read it.

    After a check that failed, the differences are those that the last check before it has seen.
    The check's own user wrote it, who may do less than whoever reads it: of its differences only complete ones count.
    """
    try:
        last = json.loads(host.read(f"{folder(host)}/check.json") or "{}")
    except (DeniedError, ValueError, RecursionError):
        return {}
    if not isinstance(last, dict) or last.get("schema_version") not in SCHEMA_VERSIONS:
        return {}
    if last.get("status") == "failed" and not isinstance(last.get("error"), dict):
        return {}
    seen = last.get("last_known") if last.get("status") == "failed" else last
    rows = seen.get("differences") if isinstance(seen, dict) else None
    return {**last, "differences": [r for r in rows if _whole(r)] if isinstance(rows, list) else []}


def _whole(row: Any) -> bool:
    """Whether this is a difference with all that the next check needs of it, each of them flat."""
    parts = [row.get(key, ...) for key in ("resource", "key", "have", "since")] if isinstance(row, dict) else [...]
    return all(part is None or isinstance(part, str | int) for part in parts)


def keep(system: System, result: Result) -> None:
    """Make this the record. DeniedError: it is the timer's."""
    if system.stat(folder(system)) is None:
        system.make_directory(folder(system), 0o755)
    try:
        system.write(f"{folder(system)}/check.json", json.dumps(result) + "\n", 0o644)
    except DeniedError:
        reason = f"{folder(system)}: the record belongs to the user that provisioner-check.service runs as"
        raise DeniedError(reason, hint="let it make a new one: systemctl start provisioner-check") from None


def news(before: Result, now: Result) -> Iterator[tuple[str, list[str]]]:
    """Each event with the keys, or the failure, that it is about, as far as the two results differ."""
    old, new = _error(before), _error(now)
    if new and new != old:
        yield "check failed", [new]
    if old and not new:
        yield "check works again", [old]
    if new:
        return
    was, there = keys(before), keys(now)
    unseen = {(u["resource"], u["key"]) for u in now["unknown"]}
    for event, found in (("drift found", there - was), ("drift gone", was - there - unseen)):
        if found:
            yield event, [f"{r}: {k}" for r, k in sorted(found)]


def keys(result: Result) -> set[tuple[str, str]]:
    """What drifted."""
    return {(d["resource"], d["key"]) for d in result.get("differences", ())}


def _error(result: Result) -> str:
    """The message of a check that failed; empty if it did not."""
    error = result.get("error")
    return str(error.get("message")) if isinstance(error, dict) else ""
