"""A fleet as one JSON document: counts, findings, every host that is not in sync, every problem."""

import json
from typing import Any

from provisioner.fleet.read import Finding
from provisioner.fleet.summary import Fleet

SCHEMA_VERSION = 1


def render(fleet: Fleet) -> str:
    """Hosts in sync are only counted."""
    findings = fleet.findings()
    number: dict[Finding, int] = {f: i for i, (f, _, _) in enumerate(findings)}
    rows: list[dict[str, Any]] = []
    for host in fleet.hosts:
        state = fleet.state(host)
        if state != "in sync":
            rows.append(
                {
                    "name": host.name,
                    "id": host.id,
                    "state": state,
                    "time": host.time,
                    "findings": [[number[f], since] for f, since in zip(host.findings, host.since, strict=True)],
                    "hold": host.hold or None,
                    "interrupted": host.interrupted,
                }
            )
    return json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "command": "report",
            "time": fleet.now,
            "silent_after_seconds": fleet.silent_after,
            "results": fleet.results,
            "hosts": sum(fleet.states().values()),
            "states": fleet.states(),
            "findings": [{**f._asdict(), "hosts": n, "since": since} for f, n, since in findings],
            "not_in_sync": rows,
            "problems": [{"kind": kind, "count": n, "places": fleet.named[kind]} for kind, n in fleet.problems.items()],
        }
    )
