"""Where a builder's containers are: on this host and on other engines.

A check looks only at this host's container. Another engine may be slow or dead, and asking it takes a program.
"""

from provisioner.builder import container, store
from provisioner.builder.keys import Key
from provisioner.config import drivers
from provisioner.engine import info
from provisioner.engine.facts import Facts
from provisioner.model import Value
from provisioner.typed import NamedTuple

ABLE = info.NONE._replace(cgroupfs=True)  # the limits that another engine cannot enforce are known once it is asked


class Place(NamedTuple):
    """One node's container.

    ``way`` holds docker's options to reach its engine as ``user``; it is empty for this host's engine.
    """

    node: store.Node
    way: tuple[str, ...] = ()
    user: str = ""

    @property
    def name(self) -> str:
        """The container's name."""
        return drivers.container(self.node.name)

    @property
    def key(self) -> str:
        """The node in the container's keys: its name if it is on another engine, empty on this host's."""
        return self.node.name if self.way else ""

    def docker(self, *words: str) -> tuple[str, ...]:
        """Return a docker command line for that engine."""
        return ("docker", *self.way, *words)


def of(nodes: tuple[store.Node, ...], facts: Facts, user: str) -> tuple[Place, ...]:
    """Return this host's node, which is the first, and the others if there is time to ask them.

    The other engines are reached as ``user``.
    """
    own, *others = nodes
    if not facts.far:
        return (Place(own),)
    return (Place(own), *(elsewhere(node, user) for node in others))


def elsewhere(node: store.Node, user: str) -> Place:
    """Return a node on another engine: an address, or the name of a docker context."""
    return Place(node, ("--host" if "://" in node.endpoint else "--context", node.endpoint), user)


def want(place: Place, facts: Facts, toml: bool) -> dict[Key, Value]:
    """Return the wanted state of the container."""
    able = ABLE if place.way else facts.engine
    return {key._replace(node=place.key): v for key, v in container.want(place.node, able, toml).items()}
