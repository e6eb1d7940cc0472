"""buildx's drivers and their options, each with the buildx that brought it; what it calls a container, and its image.

Facts: driver/*/factory.go and the release notes of docker/buildx. An option that an older buildx does not know puts
the builder in error, so it is named before anything happens. What of the driver kubernetes is older than 0.13 was not
told apart.
"""

from collections.abc import Mapping

from provisioner.typed import NamedTuple

Version = tuple[int, ...]
CONTAINER, REMOTE, KUBERNETES = "docker-container", "remote", "kubernetes"
VOLUME = "persistent-volume-claim.requests.storage"  # of the driver kubernetes
UNMOUNTED = (0, 38, 9999)  # the last buildx that was seen to forget buildkitd.toml next to such a volume
IMAGE = "moby/buildkit:buildx-stable-1"
ASIDE = "-before-"  # between a container's name and its number, where it was set aside for another one


class Driver(NamedTuple):
    """One driver: the buildx that brought it, its options, and whether it takes any ``env.NAME``."""

    since: Version
    options: Mapping[str, Version]
    environment: Version | None = None


DRIVERS: Mapping[str, Driver] = {
    CONTAINER: Driver(
        (0, 2),
        {
            "image": (0, 3),
            "network": (0, 3),
            "cgroup-parent": (0, 7),
            "memory": (0, 12),
            "memory-swap": (0, 12),
            "cpu-quota": (0, 12),
            "cpu-period": (0, 12),
            "cpu-shares": (0, 12),
            "cpuset-cpus": (0, 12),
            "cpuset-mems": (0, 12),
            "restart-policy": (0, 13),
            "default-load": (0, 14),
            "provenance-add-gha": (0, 30),
            "allow-untrusted-image": (0, 36),
        },
        (0, 4),
    ),
    REMOTE: Driver(
        (0, 9),
        {"servername": (0, 9), "cacert": (0, 9), "cert": (0, 9), "key": (0, 9), "default-load": (0, 14)},
    ),
    KUBERNETES: Driver(
        (0, 4),
        {
            **dict.fromkeys(("image", "namespace", "replicas", "rootless", "nodeselector", "loadbalance"), (0, 4)),
            **dict.fromkeys((f"{a}.{b}" for a in ("requests", "limits") for b in ("cpu", "memory")), (0, 4)),
            **dict.fromkeys((f"{a}.ephemeral-storage" for a in ("requests", "limits")), (0, 14)),
            **dict.fromkeys(("tolerations", "annotations", "labels", "serviceaccount"), (0, 4)),
            "schedulername": (0, 14),
            "qemu.install": (0, 7),
            "qemu.image": (0, 7),
            "default-load": (0, 14),
            "timeout": (0, 15),
            "persistent-volume-claim.requests.storage": (0, 34),  # after 0.29, before 0.38; by the date of its manual
            "buildkit-root-volume-memory": (0, 26),
        },
        (0, 28),
    ),
}


_AMOUNT = r"[0-9]+(\.[0-9]+)?([numkKMGTPE]|[KMGTPE]i)?"
_PAIRS = r"[^=,\s]+=[^=,\s]*(,[^=,\s]+=[^=,\s]*)*"
_TOLERATION = "(key|operator|value|effect|tolerationSeconds)=[^,;=]*"
# Of the driver kubernetes, what the value of an option looks like, and an example.
VALUES: Mapping[str, tuple[str, str]] = {
    "namespace": ("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "builds"),
    "replicas": ("[1-9][0-9]{0,3}", '"2"'),
    **dict.fromkeys(("rootless", "qemu.install", "default-load"), ("true|false", '"true"')),
    **dict.fromkeys(("nodeselector", "labels", "annotations"), (_PAIRS, "kubernetes.io/arch=arm64,pool=builds")),
    **dict.fromkeys((f"{side}.cpu" for side in ("requests", "limits")), (_AMOUNT, "500m")),
    **dict.fromkeys((f"{side}.memory" for side in ("requests", "limits")), (_AMOUNT, "8Gi")),
    **dict.fromkeys((f"{side}.ephemeral-storage" for side in ("requests", "limits")), (_AMOUNT, "50Gi")),
    **dict.fromkeys(("persistent-volume-claim.requests.storage", "buildkit-root-volume-memory"), (_AMOUNT, "50Gi")),
    "tolerations": (f"{_TOLERATION}([,;]{_TOLERATION})*", "key=builds,operator=Exists,effect=NoSchedule"),
    "loadbalance": ("sticky|random", "sticky"),
    "timeout": (r"([0-9]+(\.[0-9]+)?(h|m|s|ms))+", "120s"),
}


def since(driver: str, option: str) -> Version | None:
    """The buildx that brought an option of a driver; None: no buildx knows it."""
    row = DRIVERS[driver]
    return row.environment if option.startswith("env.") else row.options.get(option)


def image(options: Mapping[str, str]) -> str:
    """The image of a docker-container node with these options."""
    return options.get("image", IMAGE)


def first(builder: str) -> str:
    """The name of this host's own node, as buildx numbers them."""
    return f"{builder}0"


def container(node: str) -> str:
    """The container of a docker-container node."""
    return f"buildx_buildkit_{node}"


def inspect_container(name: str) -> str:
    """Where the engine's API tells what a container is."""
    return f"/containers/{name}/json"


def inspect_image(name: str) -> str:
    """Where the engine's API tells what an image's name stands for."""
    return f"/images/{name}/json"
