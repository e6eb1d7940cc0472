"""What a builder has to be, key by key, made of the configuration and of what the daemon knows."""

from provisioner.builder import buildkitd, commands, container, node_engines, store
from provisioner.config import drivers
from provisioner.config.desired import Builder
from provisioner.engine.facts import Facts
from provisioner.model import Value

REGISTERED = "registered"
OPTIONS = "driver options not asked for"
SETTINGS = "buildkitd settings not asked for"
NODES = "nodes not asked for"
SELECTED = "selected"
DEFAULT = "default of the endpoint"
WAYS = "default of every other way to this engine"
OWNER = "owner of buildx's files"
REACHES = "may talk to the engine"


class Wanted(dict[str, Value]):
    """The wanted keys, and the builder that they were made of."""

    def __init__(self, builder: Builder, facts: Facts) -> None:
        super().__init__()
        self.builder = builder
        self.nodes = commands.nodes(builder, facts)
        self.toml = buildkitd.wanted(builder, facts)
        self.certificates = buildkitd.certificates(builder, facts)
        for user in builder.users:
            self.update({key(builder, user, k): v for k, v in self.registered(user).items()})
        own = builder.driver == drivers.CONTAINER
        self.places = node_engines.of(self.nodes, facts, builder.users[0]) if own else ()
        for place in self.places:
            self.update(node_engines.want(place, facts, bool(self.toml)))

    @property
    def names(self) -> frozenset[str]:
        """The names of the wanted nodes."""
        return frozenset(n.name for n in self.nodes)

    def registered(self, user: str) -> dict[str, Value]:
        """What a user's store has to say."""
        first, *more = self.nodes
        state: dict[str, Value] = {REGISTERED: registered(self.builder.driver, first), **recorded(first, "")}
        for node in more:
            state |= {f"node {node.name}": node.endpoint or self.builder.driver, **recorded(node, f"node {node.name} ")}
        state |= {f"buildkitd {k}": v for k, v in buildkitd.leaves(self.toml).items()}
        state |= {f"certificate {name}": "as on this host" for name in self.certificates}
        if user != "root":
            state |= {REACHES: True, OWNER: user}
        return state | {
            OPTIONS: None,
            SETTINGS: None,
            NODES: None,
            **dict.fromkeys((SELECTED, DEFAULT, WAYS), self.builder.name),
        }


def key(builder: Builder, user: str, name: str) -> str:
    """A key of a user's: plain for the first one, who boots the builder, else with the user's name before it."""
    return name if user == builder.users[0] else f"{user}: {name}"


def registered(driver: str, first: store.Node) -> str:
    """What a builder is registered as."""
    return f"{driver} at {first.endpoint}" if first.endpoint else driver


def recorded(found: store.Node, prefix: str) -> dict[str, Value]:
    """What is wanted of a node in buildx's file."""
    return {
        **{f"{prefix}driver option {k}": v for k, v in found.options.items()},
        f"{prefix}flags": " ".join(container.flags(found.flags)),
        f"{prefix}platforms": " ".join(found.platforms),
    }
