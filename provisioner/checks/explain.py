"""Explain drift: what caused it, when it was first seen, and what apply would do about it."""

from collections.abc import Iterator, Mapping
from typing import Any

from provisioner import secrets
from provisioner.checks import record
from provisioner.checks.record import Result
from provisioner.config.desired import Desired
from provisioner.daemon.restart import Restart
from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.model import Difference, Found, Reader
from provisioner.runs import journal, plan, receipts
from provisioner.runs.journal import Receipt
from provisioner.runs.resources import RESOURCES
from provisioner.steps import Change


def told(host: Reader, facts: Facts, wanted: Desired, drift: Found, now: str, *, recording: bool) -> Result:
    """Return a result's ``differences`` and ``apply``, and under ``unknown`` why no plan could be made, if so."""
    changes, unplanned = _planned(host, facts, wanted, {r for r, _ in drift})
    return {
        "differences": list(_differences(host, facts, wanted, drift, changes, now, recording)),
        "apply": [
            {
                "resource": c.resource,
                "steps": [{"kind": s.kind, "does": s.sentence()} for s in c.steps],
                "restarts": [c.restart.unit] if isinstance(c.restart, Restart) else [],
            }
            for c in changes.values()
        ],
        "unknown": [{"resource": "apply", "key": "plan", "want": None, "reason": unplanned}] if unplanned else [],
    }


def _differences(
    host: Reader, facts: Facts, wanted: Desired, drift: Found, changes: Mapping[str, Change], now: str, recording: bool
) -> Iterator[dict[str, Any]]:
    restarting = _restarting(host, facts, wanted, changes)
    receipt = _applied(host)
    last = record.read(host)
    since = {(d["resource"], d["key"], d["have"]): d["since"] for d in last.get("differences", ())}
    first = now if last or recording else None
    for resource, d in drift:
        change = changes.get(resource)
        kept = next((h for h in change.blocked if h.key == d.key), None) if change else None
        yield {
            "resource": resource,
            "key": d.key,
            "have": d.have,
            "want": d.want,
            "cause": _cause(resource, d, receipt, facts),
            "since": since.get((resource, d.key, secrets.value(d.key, d.have)), first),
            "restarts": resource in restarting,
            "blocked": kept.obstacle.as_json() if kept else None,
        }


def _planned(host: Reader, facts: Facts, wanted: Desired, only: set[str]) -> tuple[Mapping[str, Change], str | None]:
    """Return what apply would do about some resources, or the reason why no plan can be made."""
    try:
        return {c.resource: c for c in plan.make(host, facts, wanted._replace(only=tuple(only))).changes}, None
    except ProvisionerError as e:
        return {}, e.message


def _restarting(host: Reader, facts: Facts, wanted: Desired, changes: Mapping[str, Change]) -> set[str]:
    """Return the resources that would restart the daemon if apply repaired each of them alone.

    A plan for all of them restarts the daemon only once, so each resource is planned separately.
    """
    once = {name for name, change in changes.items() if isinstance(change.restart, Restart)}
    if not once or len(changes) == 1:
        return once
    alone = {name: _planned(host, facts, wanted, {name})[0].values() for name in changes}
    return {n for n, found in alone.items() if any(isinstance(c.restart, Restart) for c in found)}


def _applied(host: Reader) -> Receipt | None:
    """Return the last apply that is still in effect, or None if there is none or this user may not read the history."""
    try:
        every = (journal.read(host, n) for n in reversed(receipts.numbers(host)))
        return next((r for r in every if r.outcome in ("converged", "held")), None)
    except ProvisionerError:
        return None


def _cause(resource: str, d: Difference, receipt: Receipt | None, facts: Facts) -> str | None:
    """Return the cause of a difference.

    Returns: ``corrective`` if the host changed, ``intended`` if the configuration changed, None if unknown.
    """
    if receipt is None:
        return None
    if receipt.outcome == "held" and any((r, b.key, b.have) == (resource, d.key, d.have) for r, b in receipt.before):
        return "intended"  # the host never had the wanted value
    module = {r.NAME: r for r in RESOURCES}[resource]
    return "corrective" if module.want(receipt.desired, facts).get(d.key) == d.want else "intended"
