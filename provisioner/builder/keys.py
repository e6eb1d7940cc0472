"""The keys of a builder: what is compared, on which node and for which user, and the key as a person reads it."""

from provisioner.typed import NamedTuple

NAME = "builder"
OPTION, FLAGS, PLATFORMS = "driver option", "flags", "platforms"  # of a node in buildx's file
SETTING, CERTIFICATE = "buildkitd", "certificate"  # files that buildx keeps, to copy them to /etc/buildkit
CONTAINER, VARIABLE = "container", "container env"  # of a node's container
DEPLOYMENT = "deployment"  # of a node on a cluster
FORMER, CACHE = "former builder", "unused cache"  # of ours, and no longer configured


class Key(NamedTuple):
    """One thing that is compared: a ``part`` of a builder, and a ``name`` if it has several of them.

    ``node`` is empty for this host's own node, and for what belongs to the builder as a whole. A key that has only a
    node stands for its endpoint. ``user`` is empty for the first user, who boots the builder, and for containers.
    """

    part: str
    name: str = ""
    node: str = ""
    user: str = ""

    @property
    def contained(self) -> bool:
        """Whether the key belongs to a container."""
        return self.part in (CONTAINER, VARIABLE)


REGISTERED = Key("registered")
OPTIONS = Key("driver options not asked for")
SETTINGS = Key("buildkitd settings not asked for")
NODES = Key("nodes not asked for")
UNREADABLE = Key("files that buildx cannot read")
KUBECONFIG = Key("kubeconfig")
SELECTED = Key("selected")
DEFAULT = Key("default of the endpoint")
WAYS = Key("default of every other way to this engine")
OWNER = Key("owner of buildx's files")
REACHES = Key("may talk to the engine")
SELECTION = (SELECTED, DEFAULT, WAYS)

STATUS = Key(CONTAINER)
IMAGE = Key(CONTAINER, "image")
IMAGE_ID = Key(CONTAINER, "image digest")
COMMAND = Key(CONTAINER, "command")
NETWORK = Key(CONTAINER, "network")
PRIVILEGED = Key(CONTAINER, "privileged")
VOLUME = Key(CONTAINER, "state volume")
POLICY = Key(CONTAINER, "restart policy")
VARIABLES = Key(CONTAINER, "environment not asked for")
TOML = Key(CONTAINER, "buildkitd.toml")


def words(key: Key) -> str:
    """Return the key as a person reads it, such as ``ci: node arm driver option memory``."""
    user = f"{key.user}:" if key.user else ""
    node = f"node {key.node}" if key.node else ""
    return " ".join(filter(None, (user, node, key.part, key.name)))
