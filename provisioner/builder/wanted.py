"""The wanted state of a builder, by key, from the configuration and the daemon's settings."""

from provisioner.builder import buildkitd, container, keys, places, store
from provisioner.builder.keys import Key
from provisioner.config import drivers
from provisioner.config.desired import Builder, Desired
from provisioner.engine.facts import Facts
from provisioner.model import Value
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.builder.cluster import Seat


class Wanted(dict[str, Value]):
    """The wanted values, by the words that a person reads. ``fields`` has the same values by key."""

    def __init__(self, builder: Builder, facts: Facts, desired: Desired | None = None) -> None:
        self.builder = builder
        self.keep = desired.keep if desired else ()
        self.packages = desired is None or desired.packages != "never"  # may be installed
        self.gone: tuple[Key, ...] = ()
        self.note = ""
        if desired and (
            facts.caches or any(n != builder.name or {*u} - {*builder.users} for n, u in facts.made.items())
        ):
            from provisioner.builder import unwanted  # few hosts have something left over

            self.gone, self.note = unwanted.found(desired, facts)
        self.nodes = nodes(builder, facts)
        self.toml = buildkitd.wanted(builder, facts)
        self.certificates = buildkitd.certificates(builder, facts)
        own = builder.driver == drivers.CONTAINER
        self.places = places.of(self.nodes, facts, builder.users[0]) if own else ()
        self.fields: dict[Key, Value] = {}
        for user in builder.users:
            self.fields |= self.registered(user)
        for place in self.places:
            self.fields |= places.want(place, facts, bool(self.toml))
        self.seats: tuple[Seat, ...] = ()
        if builder.driver == drivers.KUBERNETES and facts.far:
            from provisioner.builder import cluster  # most builders are not on a cluster, and a check asks none

            self.seats = cluster.seats(self.nodes)
            for seat in self.seats:
                self.fields |= cluster.want(seat, bool(self.toml))
        self.fields |= dict.fromkeys(self.gone)
        super().__init__((keys.words(key), value) for key, value in self.fields.items())

    @property
    def names(self) -> frozenset[str]:
        """The names of the wanted nodes."""
        return frozenset(n.name for n in self.nodes)

    def owner(self, user: str) -> str:
        """Return the user in the keys of a user's store: empty for the first user."""
        return "" if user == self.builder.users[0] else user

    def registered(self, user: str) -> dict[Key, Value]:
        """Return the wanted content of a user's store."""
        first, *more = self.nodes
        state: dict[Key, Value] = {keys.REGISTERED: registered(self.builder.driver, first), **recorded(first, "")}
        for node in more:
            state |= {Key("", node=node.name): node.endpoint or self.builder.driver, **recorded(node, node.name)}
        state |= {Key(keys.SETTING, k): v for k, v in buildkitd.leaves(self.toml).items()}
        state |= {Key(keys.CERTIFICATE, name): "as on this host" for name in self.certificates}
        if self.builder.driver == drivers.KUBERNETES:
            state[keys.KUBECONFIG] = self.builder.kubeconfig or None
        if user != "root":
            state |= {keys.REACHES: True, keys.OWNER: user}
        state |= dict.fromkeys((keys.OPTIONS, keys.SETTINGS, keys.UNREADABLE))
        if "nodes" not in self.keep:
            state[keys.NODES] = None
        state |= dict.fromkeys(keys.SELECTION, self.builder.name)
        return {key._replace(user=self.owner(user)): value for key, value in state.items()}


def nodes(builder: Builder, facts: Facts) -> tuple[store.Node, ...]:
    """Return the wanted nodes, this host's own first, with the names that buildx would give them."""
    own = store.Node(
        drivers.first(builder.name),
        facts.endpoint.host if builder.driver == drivers.CONTAINER else "",
        builder.platforms,
        options(builder, facts),
        builder.flags,
    )
    first = () if builder.driver == drivers.REMOTE else (own,)
    more = (
        store.Node(
            node.name or f"{builder.name}{number}",
            node.endpoint,
            node.platforms,
            {**(builder.driver_options if builder.driver != drivers.CONTAINER else {}), **node.driver_options},
            node.flags,
        )
        for number, node in enumerate(builder.nodes, len(first))
    )
    return (*first, *more)


def options(builder: Builder, facts: Facts) -> dict[str, str]:
    """Return the driver options of this host's own node. The configuration's override what the daemon has."""
    if not builder.inherit or builder.driver != drivers.CONTAINER:
        return dict(builder.driver_options)
    trusted = {"SSL_CERT_DIR": buildkitd.TRUSTED} if facts.registries.authorities else {}
    inherited = {f"env.{k}": v for k, v in {**facts.registries.proxies, **trusted}.items()}
    return {**inherited, **builder.driver_options}


def registered(driver: str, first: store.Node) -> str:
    """Return how a builder is registered, as text."""
    return f"{driver} at {first.endpoint}" if first.endpoint else driver


def recorded(found: store.Node, node: str) -> dict[Key, Value]:
    """Return the wanted state of a node in buildx's file. ``node``: its name in the keys, empty for this host's own."""
    return {
        **{Key(keys.OPTION, k, node): v for k, v in found.options.items()},
        Key(keys.FLAGS, node=node): " ".join(container.flags(found.flags)),
        Key(keys.PLATFORMS, node=node): " ".join(found.platforms),
    }
