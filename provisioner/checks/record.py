"""The record of the last check that ran with ``--record``, and what changed since then."""

from collections.abc import Iterator

from provisioner.errors import DeniedError
from provisioner.host import System
from provisioner.model import Reader
from provisioner.text import plain_json
from provisioner.typed import Any

SCHEMA_VERSIONS = (1, 2)  # versions that an earlier check may have written

Result = dict[str, Any]


def folder(host: Reader) -> str:
    """Return the folder of the record. It is separate from apply's state, so that a check never blocks an apply."""
    return f"{host.state}-check"


def read(host: Reader) -> Result:
    """Read the last recorded result, or an empty mapping if there is none or it cannot be read.

    After a failed check, the differences are those of the last check that was able to run.
    The user of the check service writes this file and may have fewer privileges than the reader. Incomplete
    differences are therefore ignored.
    """
    try:
        last = plain_json.loads(host.read(f"{folder(host)}/check.json") or "{}")
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
    """Check that a row has every field of a difference that the next check needs, and that each is a plain value."""
    parts = [row.get(key, ...) for key in ("resource", "key", "have", "since")] if isinstance(row, dict) else [...]
    return all(part is None or isinstance(part, str | int) for part in parts)


def keep(system: System, result: Result) -> None:
    """Save a result as the record.

    Raises:
        DeniedError: the record belongs to the user of the timer.
    """
    if system.stat(folder(system)) is None:
        system.make_directory(folder(system), 0o755)
    try:
        system.write(f"{folder(system)}/check.json", plain_json.dumps(result) + "\n", 0o644)
    except DeniedError:
        reason = f"{folder(system)}: the record belongs to the user that provisioner-check.service runs as"
        raise DeniedError(reason, hint="let it make a new one: systemctl start provisioner-check") from None


def news(before: Result, now: Result) -> Iterator[tuple[str, list[str]]]:
    """Return each event between two results, with the keys or the failure message that it concerns."""
    old, new = _error(before), _error(now)
    if new and new != old:
        yield "check failed", [new]
    if old and not new:
        yield "check works again", [old]
    cut, still = before.get("interrupted"), now.get("interrupted")
    if still and still != cut:
        yield "apply cut off", [f"apply {still}"]
    if cut and not still:
        yield "cut-off apply undone", [f"apply {cut}"]
    if new:
        return
    was, there = keys(before), keys(now)
    unseen = {(u["resource"], u["key"]) for u in now["unknown"]}
    for event, found in (("drift found", there - was), ("drift gone", was - there - unseen)):
        if found:
            yield event, [f"{r}: {k}" for r, k in sorted(found)]


def keys(result: Result) -> set[tuple[str, str]]:
    """Return the resource and key of each difference."""
    return {(d["resource"], d["key"]) for d in result.get("differences", ())}


def _error(result: Result) -> str:
    """Return the message of a failed check, or an empty text if it did not fail."""
    error = result.get("error")
    return str(error.get("message")) if isinstance(error, dict) else ""
