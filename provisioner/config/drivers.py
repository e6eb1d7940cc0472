"""buildx's drivers and their options, with the first buildx version that supports each, and container and image names.

Sources: driver/*/factory.go and the release notes of docker/buildx. An older buildx puts the builder into an error
state when it meets an unknown option, so unsupported options are reported before any change. For the driver
kubernetes, versions before 0.13 were not examined separately.
"""

from collections.abc import Mapping

from provisioner.typed import NamedTuple

Version = tuple[int, ...]
CONTAINER, REMOTE, KUBERNETES = "docker-container", "remote", "kubernetes"
VOLUME = "persistent-volume-claim.requests.storage"  # an option of the driver kubernetes
UNMOUNTED = (0, 38, 9999)  # the last buildx known to ignore buildkitd.toml when such a volume is used
IMAGE = "moby/buildkit:buildx-stable-1"
ASIDE = "-before-"  # between the name and the number of a container that was renamed to make room for another


class Driver(NamedTuple):
    """A driver: the first buildx that supports it, its options, and the first buildx that accepts ``env.NAME``."""

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
            "persistent-volume-claim.requests.storage": (0, 34),  # after 0.29, before 0.38; from the date of its manual
            "buildkit-root-volume-memory": (0, 26),
        },
        (0, 28),
    ),
}


_AMOUNT = r"[0-9]+(\.[0-9]+)?([numkKMGTPE]|[KMGTPE]i)?"
_PAIRS = r"[^=,\s]+=[^=,\s]*(,[^=,\s]+=[^=,\s]*)*"
_TOLERATION = "(key|operator|value|effect|tolerationSeconds)=[^,;=]*"
# For options of the driver kubernetes: the pattern that a value must match, and an example.
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
    """Return the first buildx version that supports a driver's option, or None if no version does."""
    row = DRIVERS[driver]
    return row.environment if option.startswith("env.") else row.options.get(option)


def image(options: Mapping[str, str]) -> str:
    """Return the image of a docker-container node with these options."""
    return options.get("image", IMAGE)


def first(builder: str) -> str:
    """Return the name of this host's own node, as buildx numbers it."""
    return f"{builder}0"


def container(node: str) -> str:
    """Return the name of the container that runs a docker-container node."""
    return f"buildx_buildkit_{node}"


def inspect_container(name: str) -> str:
    """Return the engine API's path for inspecting a container."""
    return f"/containers/{name}/json"


def inspect_image(name: str) -> str:
    """Return the engine API's path for inspecting an image."""
    return f"/images/{name}/json"
