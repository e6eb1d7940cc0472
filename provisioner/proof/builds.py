"""Find out which node of a builder built what. BuildKit records each build, and buildx knows the node.

This is only for builders that can build in more than one place. It needs ``docker buildx history`` (buildx 0.22 or
later). If that returns nothing, the result is empty.
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

ANSWER = 10  # seconds to wait for the nodes; buildx would wait longer for one that is down


def many(builder: Builder) -> bool:
    """Return whether a builder builds in more than one place, or not on this host."""
    return bool(builder.nodes) or builder.driver != drivers.CONTAINER


def known(system: System, builder: Builder) -> frozenset[str] | None:
    """Return the builds that the nodes know, each as builder, node and ID. None means that they do not answer."""
    rows = _history(system, builder, "ls", "--format", "{{json .}}") if many(builder) else None
    return None if rows is None else frozenset(str(row["ref"]) for row in rows if row.get("ref"))


def since(system: System, facts: Facts, desired: Desired, before: frozenset[str] | None) -> Mapping[str, str]:
    """Return where each platform was built, from the builds that were not known ``before``.

    A build on several nodes has the same ID on all of them. So each record is looked up by its position in time. It
    counts only if its start time is the listed one, because somebody else may have built in the meantime.
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
    """Return a node's name and its location: an endpoint, or the cluster nodes that its pods run on."""
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
