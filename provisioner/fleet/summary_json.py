"""A fleet as one JSON document: counts, findings, every host that is not in sync, and every problem."""

import json
from datetime import UTC, datetime
from typing import Any

from provisioner import __version__
from provisioner.fleet.results import Finding
from provisioner.fleet.summary import Fleet

SCHEMA_VERSION = 2


def stamp(seconds: int) -> str | None:
    """Convert seconds since 1970 to RFC 3339 in UTC. 0 means unknown and gives None."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None


def render(fleet: Fleet, status: int = 0) -> str:
    """Return the document. Hosts in sync are only counted."""
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
                    "time": stamp(host.time),
                    "findings": [
                        {"finding": number[f], "since": stamp(since)}
                        for f, since in zip(host.like.findings, host.like.since, strict=True)
                    ],
                    "hold": host.like.hold or None,
                    "interrupted": host.like.interrupted,
                }
            )
    return json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "command": "report",
            "status": "found" if status else "ok",
            "exit_status": int(status),
            "error": None,
            "time": stamp(fleet.now),
            "agent": {"version": __version__},
            "silent_after_seconds": fleet.silent_after,
            "results": fleet.results,
            "hosts": sum(fleet.states().values()),
            "missing": fleet.missing,
            "states": fleet.states(),
            "findings": [{**f._asdict(), "hosts": n, "since": stamp(since)} for f, n, since in findings],
            "builds": [
                {**b._asdict(), "node": b.node or None, "endpoint": b.endpoint or None, "hosts": n}
                for b, n in fleet.builds()
            ],
            "not_in_sync": rows,
            "problems": [{"kind": kind, "count": n, "places": fleet.named[kind]} for kind, n in fleet.problems.items()],
        }
    )
