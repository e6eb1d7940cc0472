"""The containers of an engine: those of our own builder, and all others."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from provisioner.config import drivers
from provisioner.config.desired import Desired
from provisioner.engine.facts import Facts
from provisioner.model import Reader


def others(host: Reader, facts: Facts, desired: Desired) -> list[Mapping[str, Any]]:
    """Return the containers, running or stopped, that belong neither to our builder nor to a former one."""
    every = host.get(facts.socket, "/containers/json?all=1") or ()
    found = [c for c in every if not any(ours(n.lstrip("/"), desired, facts.made) for n in c.get("Names") or ())]
    if any(name(c).startswith(drivers.container("")) for c in found):  # somebody's, or one that only its label betrays
        from provisioner.engine import traces

        marked = traces.labelled(host, facts.socket).keys()
        found = [c for c in found if not marked & {m.get("Name") for m in c.get("Mounts") or ()}]
    return found


def ours(name: str, desired: Desired, former: Collection[str] = ()) -> bool:
    """Whether a container belongs to our builder, or to one of the ``former`` ones.

    The whole name must match, because buildx appends a number to it.
    """
    named = [node.name for node in desired.builder.nodes if node.name]
    if any(name == drivers.container(node) for node in named):
        return True
    aside = f"({drivers.ASIDE}[0-9a-f]+)?"  # a stopped container that is kept for a rollback
    builders = "|".join(re.escape(drivers.container(builder)) for builder in (desired.builder.name, *former))
    return re.fullmatch(f"({builders})[0-9]+{aside}", name) is not None


def name(container: Mapping[str, Any]) -> str:
    """Return the name that a person uses for a container."""
    return str((container.get("Names") or [container["Id"][:12]])[0]).lstrip("/")
