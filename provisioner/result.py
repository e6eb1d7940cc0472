"""What a check found, as JSON has it: what ``--format json`` prints, the timer keeps and ``report`` reads.

Described by result.schema.json. Secrets are hidden here, before anything is rendered.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from provisioner import __version__, desired, engine, hold, journal, mask, plan
from provisioner.acts import Change, Plan, Restart
from provisioner.desired import Desired
from provisioner.errors import DeniedError, Exit, ProvisionerError
from provisioner.facts import Facts
from provisioner.journal import Receipt
from provisioner.model import NOTE, Difference, Reader, Unknown
from provisioner.resources import RESOURCES
from provisioner.system import System

SCHEMA_VERSION = 1

Result = dict[str, Any]


def found(host: System, facts: Facts, wanted: Desired, started: float, *, recording: bool = False) -> Result:
    """What there is to say about the host; ``started`` is ``host.clock()`` when the check began."""
    now = host.now()
    seen = plan.look(host, facts, wanted)
    cut = journal.interrupted(host)
    held = hold.read(host, now)
    result: Result = {
        "status": 0,
        "time": now,
        "differences": [],
        "unknown": [],
        "as_wanted": [{"resource": r, "key": k, "want": w} for r, want, have in seen for k, w in want.items()],
        "apply": [],
        "notes": [str(have[NOTE]) for _, _, have in seen if have.get(NOTE)],
        "repair": list(wanted.repair),
        "hold": held and held._asdict(),
        "interrupted": cut,
    }
    if wrong := plan.compared(seen):
        _explain(result, host, facts, wanted, wrong, now, recording)
    result["status"] = int(status(result))
    result["duration_seconds"] = round(host.clock() - started, 4)
    return mask.everywhere(result) if wrong or held else _masked(result)


def status(result: Result) -> Exit:
    """Drift, else unknown, else in sync."""
    if result["differences"] or result["interrupted"]:
        return Exit.DRIFT
    return Exit.FAILED if result["unknown"] else Exit.OK


def identified(result: Result, host: Reader, facts: Facts, path: str | None) -> Result:
    """A result with whose it is: host, engine, agent, configuration."""
    from hashlib import sha256  # 3 ms that an answer on a terminal need not pay

    path = desired.place(host, path)
    text = host.read(path)
    machine = (host.read("/etc/machine-id") or "").strip()
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "check",
        "host": {
            "name": facts.engine.name,
            # systemd asks to show no machine id as it is
            "id": sha256(f"provisioner {machine}".encode()).hexdigest()[:32] if machine else None,
            "machine": host.machine,
        },
        "engine": {
            "endpoint": mask.text(facts.endpoint.host),
            "flavour": facts.engine.flavour,
            "version": facts.engine.version_text,
            "image_store": engine.store(facts.engine),
        },
        "agent": {"version": __version__},
        "configuration": {
            "path": None if text is None else path,
            "sha256": None if text is None else sha256(text.encode("utf-8", "surrogateescape")).hexdigest(),
        },
        **result,
    }


def folder(host: Reader) -> str:
    """Where the record is kept: apart from what an apply keeps, for a check must never stand in its way."""
    return f"{host.state}-check"


def record(host: Reader) -> Result:
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


def _masked(result: Result) -> Result:
    """In sync: only what was wanted can hold a secret."""
    result["as_wanted"] = mask.everywhere(result["as_wanted"])
    return result


def _explain(
    result: Result, host: System, facts: Facts, wanted: Desired, wrong: Plan, now: str, recording: bool
) -> None:
    """Say of each difference whose doing it is, since when, and what apply would do about it."""
    drift = [(r, d) for r, d in wrong.differences if not isinstance(d.have, Unknown)]
    differing = {(r, d.key) for r, d in wrong.differences}
    result["as_wanted"] = [a for a in result["as_wanted"] if (a["resource"], a["key"]) not in differing]
    result["unknown"] = [
        {"resource": r, "key": d.key, "want": d.want, "reason": str(d.have)}
        for r, d in wrong.differences
        if isinstance(d.have, Unknown)
    ]
    if not drift:
        return
    from provisioner.report.sentences import sentence  # a check in sync has no step to tell of

    changes, unplanned = _planned(host, facts, wanted, {r for r, _ in drift})
    restarting = _restarting(host, facts, wanted, changes)
    receipt = _applied(host)
    last = record(host)
    since = {(d["resource"], d["key"], d["have"]): d["since"] for d in _rows(last)}
    first = now if last or recording else None
    for resource, d in drift:
        change = changes.get(resource)
        kept = next((h for h in change.held if h.key == d.key), None) if change else None
        have = mask.value(d.key, d.have)
        result["differences"].append(
            {
                "resource": resource,
                "key": d.key,
                "have": d.have,
                "want": d.want,
                "cause": _cause(resource, d, receipt, facts),
                "since": since.get((resource, d.key, have), first),
                "restarts": resource in restarting,
                "held": {"reason": kept.reason, "hint": kept.hint} if kept else None,
            }
        )
    result["apply"] = [
        {
            "resource": c.resource,
            "does": [sentence(s) for s in (*c.edits, *c.settle)],
            "restarts": [s.unit for s in c.settle if isinstance(s, Restart)],
        }
        for c in changes.values()
    ]
    if unplanned:
        result["unknown"].append({"resource": "apply", "key": "plan", "want": None, "reason": unplanned})


def _rows(last: Result) -> list[dict[str, Any]]:
    """The differences of a record, as far as they are whole."""
    rows = last.get("differences")
    return [r for r in rows if {"resource", "key", "have", "since"} <= r.keys()] if isinstance(rows, list) else []


def _planned(host: Reader, facts: Facts, wanted: Desired, only: set[str]) -> tuple[Mapping[str, Change], str | None]:
    """What apply would do about some resources, or why that cannot be said."""
    try:
        return {c.resource: c for c in plan.make(host, facts, wanted._replace(only=tuple(only))).changes}, None
    except ProvisionerError as e:
        return {}, e.message


def _restarting(host: Reader, facts: Facts, wanted: Desired, changes: Mapping[str, Change]) -> set[str]:
    """The resources that would restart the daemon if they were mended alone: a plan restarts once for all of them."""
    once = {name for name, change in changes.items() if any(isinstance(s, Restart) for s in change.settle)}
    if not once or len(changes) == 1:
        return once
    alone = {name: _planned(host, facts, wanted, {name})[0].values() for name in changes}
    return {n for n, found in alone.items() if any(isinstance(s, Restart) for c in found for s in c.settle)}


def _applied(host: Reader) -> Receipt | None:
    """The last apply that stands; None: none, or this user may not know."""
    try:
        receipts = (journal.read(host, n) for n in reversed(journal.numbers(host)))
        return next((r for r in receipts if r.outcome in ("converged", "held")), None)
    except ProvisionerError:
        return None


def _cause(resource: str, d: Difference, receipt: Receipt | None, facts: Facts) -> str | None:
    """``corrective``: the host moved; ``intended``: the configuration asks for what it did not; None: not known."""
    if receipt is None:
        return None
    if receipt.outcome == "held" and any((r, b.key, b.have) == (resource, d.key, d.have) for r, b in receipt.before):
        return "intended"  # it was never as wanted
    module = {r.NAME: r for r in RESOURCES}[resource]
    return "corrective" if module.want(receipt.desired, facts).get(d.key) == d.want else "intended"
