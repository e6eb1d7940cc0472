"""Which node of a builder built what: BuildKit keeps a record of each build, and buildx knows whose it is.

Only for builders with more than one place to build: it takes ``docker buildx history`` (buildx 0.22 or later), and
where that says nothing, nothing is said here.
"""

import json
from collections.abc import Mapping

from provisioner.builder import wanted
from provisioner.config import drivers
from provisioner.config.desired import Builder, Desired
from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.host import System
from provisioner.typed import Any

ANSWER = 10  # seconds that the nodes have; one that is down would be waited for


def many(builder: Builder) -> bool:
    """Return whether a builder builds in more than one place, or elsewhere."""
    return bool(builder.nodes) or builder.driver != drivers.CONTAINER


def known(system: System, builder: Builder) -> frozenset[str] | None:
    """Return the builds that the nodes know of, each by builder, node and number; None when they do not say."""
    rows = _history(system, builder, "ls", "--format", "{{json .}}") if many(builder) else None
    return None if rows is None else frozenset(str(row["ref"]) for row in rows if row.get("ref"))


def since(system: System, facts: Facts, desired: Desired, before: frozenset[str] | None) -> Mapping[str, str]:
    """Return where each platform was built by the builds that were not known ``before``.

    What several nodes build together has one number on all of them. So each record is asked for by its place in time,
    and counts only if it is the one that was listed: somebody else may have built meanwhile.
    """
    found: dict[str, str] = {}
    builder = desired.builder
    rows = None if before is None else _history(system, builder, "ls", "--format", "{{json .}}")
    newest = sorted(rows or (), key=lambda row: str(row.get("created_at")), reverse=True)
    for index, row in enumerate(newest):
        ref = str(row.get("ref"))
        if ref in (before or ()) or ref.count("/") != 2:
            continue
        for record in _history(system, builder, "inspect", f"^{index}", "--format", "json") or ():
            if record.get("StartedAt") == row.get("created_at"):
                place = _place(system, facts, builder, ref.split("/")[1])
                found |= {str(platform): place for platform in record.get("Platform") or ()}
    return found


def _history(system: System, builder: Builder, command: str, *words: str) -> list[dict[str, Any]] | None:
    argv = ("docker", "buildx", "history", command, "--builder", builder.name, *words)
    ran = system.ask(*argv, timeout=ANSWER, user=builder.users[0])
    if ran.status != 0:
        return None
    try:
        if command == "inspect":
            return [json.loads(ran.stdout)]
        return [json.loads(line) for line in ran.stdout.splitlines()]
    except ValueError:
        return None


def _place(system: System, facts: Facts, builder: Builder, name: str) -> str:
    """Return a node's name, and where that is: an endpoint, or the cluster's machines that its pods run on."""
    node = next((n for n in wanted.nodes(builder, facts) if n.name == name), None)
    if node is None or builder.driver != drivers.KUBERNETES:
        return f"{name} at {node.endpoint}" if node and node.endpoint else name
    from provisioner.builder.cluster import Cluster

    try:
        pods = Cluster(system, builder).pods(node)
    except ProvisionerError:
        return name
    machines = sorted({str(pod["spec"].get("nodeName")) for pod in pods if "deletionTimestamp" not in pod["metadata"]})
    return f"{name} on {' or '.join(machines)}" if machines else name
