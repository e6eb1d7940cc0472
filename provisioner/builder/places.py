"""Where a builder's containers are: on this host, and on engines elsewhere.

A check looks at this host's alone, for another engine may be slow, or dead, and to ask it takes a program.
"""

from provisioner.builder import container, store
from provisioner.builder.keys import Key
from provisioner.config import drivers
from provisioner.engine import info
from provisioner.engine.facts import Facts
from provisioner.model import Value
from provisioner.typed import NamedTuple

ABLE = info.NONE._replace(cgroupfs=True)  # which limits another engine cannot enforce is known when it is asked


class Place(NamedTuple):
    """One node's container. ``way``: docker's words to get to its engine as ``user``; none: this host's engine."""

    node: store.Node
    way: tuple[str, ...] = ()
    user: str = ""

    @property
    def name(self) -> str:
        """The container."""
        return drivers.container(self.node.name)

    @property
    def key(self) -> str:
        """The node in the keys of the container: its name where it is on another engine than this host's."""
        return self.node.name if self.way else ""

    def docker(self, *words: str) -> tuple[str, ...]:
        """A command line for that engine."""
        return ("docker", *self.way, *words)


def of(nodes: tuple[store.Node, ...], facts: Facts, user: str) -> tuple[Place, ...]:
    """This host's own node, which is the first, and where there is time for them the others, reached by ``user``."""
    own, *others = nodes
    if not facts.far:
        return (Place(own),)
    return (Place(own), *(elsewhere(node, user) for node in others))


def elsewhere(node: store.Node, user: str) -> Place:
    """Another node than this host's own: an address, or the name of a docker context."""
    return Place(node, ("--host" if "://" in node.endpoint else "--context", node.endpoint), user)


def want(place: Place, facts: Facts, toml: bool) -> dict[Key, Value]:
    """What the container has to be."""
    able = ABLE if place.way else facts.engine
    return {key._replace(node=place.key): v for key, v in container.want(place.node, able, toml).items()}
