"""The builder's container: how buildx makes it from the options, and how the engine describes it.

Sources: docker/buildx driver/docker-container, and moby's GET /containers/ID/json.
"""

from collections.abc import Callable, Mapping

from provisioner.builder import buildkitd, keys, store
from provisioner.builder.keys import Key
from provisioner.config import drivers
from provisioner.engine.info import Engine
from provisioner.model import Value
from provisioner.typed import Any, NamedTuple

RESTART = "restart-policy"
RESTARTS = "unless-stopped"
ENTITLED = "--allow-insecure-entitlement"
ENTITLEMENT = f"{ENTITLED}=network.host"  # buildx adds it if no entitlement is given
CONFIGURED = ("--config", buildkitd.INSIDE)
STATE = "/var/lib/buildkit"

LATEST = "that of its tag"
SIZES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
HUB = "docker.io/"
# Variables that BuildKit's own images set, and that nobody asked for.
OWN_VARIABLES = frozenset(
    (
        *("PATH", "BUILDKIT_SETUP_CGROUPV2_ROOT", "HOME", "USER", "XDG_RUNTIME_DIR", "TMPDIR"),
        *("HOSTNAME", "container"),  # Podman sets these in every container
    )
)


class Limit(NamedTuple):
    """A driver option that sets one field of the container. ``read`` turns its text into what the engine stores."""

    option: str
    field: str
    read: Callable[[str], Value]
    unset: Value = 0

    @property
    def key(self) -> Key:
        """The key that is compared."""
        return Key(keys.CONTAINER, self.option)


def size(text: str) -> Value:
    """Return bytes from text such as ``512m`` or ``1.5GiB``, as docker reads it. Other text is returned unchanged."""
    word = text.strip().lower().removesuffix("ib").removesuffix("b")
    number, unit = (word[:-1], word[-1]) if word[-1:] in SIZES and word[-1:] else (word, "")
    try:
        return int(float(number) * SIZES[unit])
    except (ValueError, OverflowError):
        return text


def number(text: str) -> Value:
    """Return a count. Text that is not a number is returned unchanged."""
    try:
        return int(text)
    except ValueError:
        return text


LIMITS = (
    Limit("memory", "Memory", size),
    Limit("memory-swap", "MemorySwap", size),
    Limit("cpu-quota", "CpuQuota", number),
    Limit("cpu-period", "CpuPeriod", number),
    Limit("cpu-shares", "CpuShares", number),
    Limit("cpuset-cpus", "CpusetCpus", str, ""),
    Limit("cpuset-mems", "CpusetMems", str, ""),
    Limit("cgroup-parent", "CgroupParent", str, "/docker/buildx"),
)


def volume(node: str) -> str:
    """Return the state volume of a node, which holds the cache."""
    return f"{drivers.container(node)}_state"


def want(node: store.Node, engine: Engine, toml: bool) -> dict[Key, Value]:
    """Return the container that buildx makes for a node on an engine. ``toml``: it gets a buildkitd.toml."""
    options = node.options
    state: dict[Key, Value] = {
        keys.STATUS: "running",
        keys.IMAGE: drivers.image(options),
        keys.COMMAND: " ".join([*(CONFIGURED if toml else ()), *flags(node.flags)]),
        keys.NETWORK: options.get("network", "bridge"),
        keys.PRIVILEGED: True,
        keys.VOLUME: volume(node.name),
        keys.POLICY: options.get(RESTART, RESTARTS),
        keys.VARIABLES: None,
        **{Key(keys.VARIABLE, k[4:]): v for k, v in options.items() if k.startswith("env.")},
    }
    for limit in LIMITS:
        if enforced(engine, limit.option) and (limit.option in options or limit.option != "memory-swap"):
            value = options.get(limit.option)
            state[limit.key] = limit.unset if value is None else limit.read(value)
    if "@" not in drivers.image(options):
        state[keys.IMAGE_ID] = LATEST
    if toml:
        state[keys.TOML] = "as configured"
    return state


def have(found: Mapping[str, Any] | None, want: Mapping[Key, Value]) -> dict[Key, Value]:
    """Return the state of the container as the engine describes it, by keys without a node.

    If there is no container, only its status differs. The caller compares the files in it.
    """
    if found is None:
        return {k: v for k, v in want.items() if k.contained} | {keys.STATUS: None}
    config, host = found["Config"], found["HostConfig"]
    mounts = {m.get("Destination"): m for m in found.get("Mounts") or ()}
    env = dict(e.split("=", 1) for e in config.get("Env") or () if "=" in e)
    name = as_asked(str(config.get("Image") or ""), str(want[keys.IMAGE]))
    state: dict[Key, Value] = {
        keys.STATUS: found["State"]["Status"],
        keys.IMAGE: name if "@" in str(want[keys.IMAGE]) else name.partition("@")[0],
        keys.COMMAND: " ".join(command(config.get("Cmd") or ())),
        keys.NETWORK: {"default": "bridge"}.get(host.get("NetworkMode"), host.get("NetworkMode")),
        keys.PRIVILEGED: bool(host.get("Privileged")),
        keys.VOLUME: (mounts.get(STATE) or {}).get("Name"),
        keys.POLICY: policy(host.get("RestartPolicy") or {}),
        **{limit.key: host.get(limit.field, limit.unset) for limit in LIMITS},
        **{Key(keys.VARIABLE, k): v for k, v in env.items()},
    }
    own = OWN_VARIABLES if name.startswith("moby/buildkit:") else env.keys()
    more = [k for k in env if k not in own and Key(keys.VARIABLE, k) not in want]
    state[keys.VARIABLES] = " ".join(more) or None
    return state


def as_asked(name: str, asked: str) -> str:
    """Return an image's name in the form that was asked for.

    Podman adds docker.io/ to a name that was given without a registry.
    """
    return asked if name.removeprefix(HUB) == asked.removeprefix(HUB) else name.removeprefix(HUB)


def latest(found: Mapping[str, Any], name: str, there: str) -> str:
    """Return whether the container runs the image that its tag stands for now, as text.

    ``there`` is the digest of the tag's image; empty if there is none.
    """
    same = there in ("", found["Image"])
    return LATEST if same else f"{found['Image'][:19]}, and {name} is {there[:19]} by now"


def enforced(engine: Engine, option: str) -> bool:
    """Return whether an engine enforces an option."""
    return engine.cgroupfs if option == "cgroup-parent" else option not in engine.unlimited


def flags(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return buildkitd's flags in comparable form: each once, without the entitlement that buildx adds itself."""
    free = [f for f in given if not f.startswith(ENTITLED)]
    entitled = [f for f in given if f.startswith(ENTITLED) and f != ENTITLEMENT]
    both = [*free, *entitled, *((ENTITLEMENT,) if entitled and ENTITLEMENT in given else ())]
    return tuple(dict.fromkeys(both))


def command(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the container's command in comparable form."""
    toml = tuple(words[:2]) == CONFIGURED
    return (*(CONFIGURED if toml else ()), *flags(tuple(words[2:] if toml else words)))


def policy(found: Mapping[str, Any]) -> str:
    """Return a restart policy as docker's command line spells it."""
    count = found.get("MaximumRetryCount") or 0
    return f"{found.get('Name')}:{count}" if count else str(found.get("Name") or "no")
