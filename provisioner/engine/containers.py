"""The containers of an engine: those of our own builder, and all others."""

import re
from collections.abc import Mapping
from typing import Any

from provisioner.config import drivers
from provisioner.config.desired import Desired
from provisioner.engine.facts import Facts
from provisioner.model import Reader


def others(host: Reader, facts: Facts, desired: Desired) -> list[Mapping[str, Any]]:
    """Return the containers, running or stopped, that do not belong to our builder."""
    every = host.get(facts.socket, "/containers/json?all=1") or ()
    return [c for c in every if not any(ours(n.lstrip("/"), desired) for n in c.get("Names") or ())]


def ours(name: str, desired: Desired) -> bool:
    """Whether a container belongs to our builder. The whole name must match, because buildx appends a number to it."""
    named = [node.name for node in desired.builder.nodes if node.name]
    if any(name == drivers.container(node) for node in named):
        return True
    aside = f"({drivers.ASIDE}[0-9a-f]+)?"  # a stopped container that is kept for a rollback
    return re.fullmatch(f"{re.escape(drivers.container(desired.builder.name))}[0-9]+{aside}", name) is not None


def name(container: Mapping[str, Any]) -> str:
    """Return the name that a person uses for a container."""
    return str((container.get("Names") or [container["Id"][:12]])[0]).lstrip("/")
