"""The builder's container, as the engine describes it: what buildx makes of each option, and what is there instead.

Facts: docker/buildx driver/docker-container, moby's GET /containers/ID/json.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping

from provisioner.builder import buildkitd, store
from provisioner.config import drivers
from provisioner.engine.facts import Facts
from provisioner.engine.info import Engine
from provisioner.errors import DeniedError
from provisioner.model import Reader, State, Value
from provisioner.typed import Any, NamedTuple

RESTART = "restart-policy"
RESTARTS = "unless-stopped"
ENTITLED = "--allow-insecure-entitlement"
ENTITLEMENT = f"{ENTITLED}=network.host"  # buildx adds it where no entitlement is given
CONFIGURED = ("--config", buildkitd.INSIDE)
STATE = "/var/lib/buildkit"
_ODD = re.compile(r"[^A-Za-z0-9/._-]")

STATUS = "container"
IMAGE_ID = "container image digest"
LATEST = "that of its tag"
POLICY = "container restart policy"
TOML = "container buildkitd.toml"
SIZES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
# what BuildKit's own images bring, and nobody asked for
OWN_VARIABLES = frozenset(("PATH", "BUILDKIT_SETUP_CGROUPV2_ROOT", "HOME", "USER", "XDG_RUNTIME_DIR", "TMPDIR"))


class Limit(NamedTuple):
    """A driver option that ends up in one field of the container; ``read`` makes of its text what the engine keeps."""

    option: str
    field: str
    read: Callable[[str], Value]
    unset: Value = 0


def size(text: str) -> Value:
    """Bytes, as docker reads ``512m`` or ``1.5GiB``; what is no size stays as it is."""
    word = text.strip().lower().removesuffix("ib").removesuffix("b")
    number, unit = (word[:-1], word[-1]) if word[-1:] in SIZES and word[-1:] else (word, "")
    try:
        return int(float(number) * SIZES[unit])
    except (ValueError, OverflowError):
        return text


def number(text: str) -> Value:
    """A count; what is none stays as it is."""
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
    """The state volume of a node: the cache."""
    return f"{drivers.container(node)}_state"


def want(node: store.Node, engine: Engine, toml: bool) -> dict[str, Value]:
    """The container that buildx makes of a node on an engine; ``toml``: whether it gets a buildkitd.toml."""
    options = node.options
    state: dict[str, Value] = {
        STATUS: "running",
        "container image": drivers.image(options),
        "container command": " ".join([*(CONFIGURED if toml else ()), *flags(node.flags)]),
        "container network": options.get("network", "bridge"),
        "container privileged": True,
        "container state volume": volume(node.name),
        POLICY: options.get(RESTART, RESTARTS),
        "container environment not asked for": None,
        **{f"container env {k[4:]}": v for k, v in options.items() if k.startswith("env.")},
    }
    for limit in LIMITS:
        if enforced(engine, limit.option) and (limit.option in options or limit.option != "memory-swap"):
            value = options.get(limit.option)
            state[f"container {limit.option}"] = limit.unset if value is None else limit.read(value)
    if "@" not in drivers.image(options):
        state[IMAGE_ID] = LATEST
    if toml:
        state[TOML] = "as configured"
    return state


def have(found: Mapping[str, Any] | None, want: State) -> dict[str, Value]:
    """What the engine says of the container; of one that is not there only that. Its files are for others to read."""
    if found is None:
        return {k: v for k, v in want.items() if k.startswith(STATUS)} | {STATUS: None}
    config, host = found["Config"], found["HostConfig"]
    mounts = {m.get("Destination"): m for m in found.get("Mounts") or ()}
    env = dict(e.split("=", 1) for e in config.get("Env") or () if "=" in e)
    name = str(config.get("Image") or "")
    state: dict[str, Value] = {
        STATUS: found["State"]["Status"],
        "container image": name if "@" in str(want["container image"]) else name.partition("@")[0],
        "container command": " ".join(command(config.get("Cmd") or ())),
        "container network": {"default": "bridge"}.get(host.get("NetworkMode"), host.get("NetworkMode")),
        "container privileged": bool(host.get("Privileged")),
        "container state volume": (mounts.get(STATE) or {}).get("Name"),
        POLICY: policy(host.get("RestartPolicy") or {}),
        **{f"container {limit.option}": host.get(limit.field, limit.unset) for limit in LIMITS},
        **{f"container env {k}": v for k, v in env.items()},
    }
    own = OWN_VARIABLES if name.startswith("moby/buildkit:") else env.keys()
    more = [k for k in env if k not in own and f"container env {k}" not in want]
    state["container environment not asked for"] = " ".join(more) or None
    return state


def latest(found: Mapping[str, Any], name: str, there: str) -> str:
    """Whether the container runs what the tag of its image stands for by now: ``there``, if for anything."""
    same = there in ("", found["Image"])
    return LATEST if same else f"{found['Image'][:19]}, and {name} is {there[:19]} by now"


def enforced(engine: Engine, option: str) -> bool:
    """Whether an engine makes anything of an option at all."""
    return engine.cgroupfs if option == "cgroup-parent" else option not in engine.unlimited


def flags(given: tuple[str, ...]) -> tuple[str, ...]:
    """buildkitd's flags as they are compared: without the entitlement that buildx adds by itself, each once."""
    free = [f for f in given if not f.startswith(ENTITLED)]
    entitled = [f for f in given if f.startswith(ENTITLED) and f != ENTITLEMENT]
    both = [*free, *entitled, *((ENTITLEMENT,) if entitled and ENTITLEMENT in given else ())]
    return tuple(dict.fromkeys(both))


def command(words: tuple[str, ...]) -> tuple[str, ...]:
    """The container's command, as it is compared."""
    toml = tuple(words[:2]) == CONFIGURED
    return (*(CONFIGURED if toml else ()), *flags(tuple(words[2:] if toml else words)))


def policy(found: Mapping[str, Any]) -> str:
    """A restart policy as docker's command line spells it."""
    count = found.get("MaximumRetryCount") or 0
    return f"{found.get('Name')}:{count}" if count else str(found.get("Name") or "no")


def inside(host: Reader, facts: Facts, found: Mapping[str, Any], path: str) -> bytes | None:
    """A file in the container; None: there is none."""
    pid = found["State"].get("Pid")
    if pid and host.uid == 0:
        with contextlib.suppress(DeniedError):  # root in a sandbox sees no other process
            return host.head(f"/proc/{pid}/root{path}", -1)
    archive = host.download(facts.socket, f"/containers/{found['Id']}/archive?path={_quoted(path)}")
    return None if archive is None else unpacked(archive)


def unpacked(archive: bytes) -> bytes:
    """The file in a tar of one."""
    return archive[512 : 512 + int(archive[124:135], 8)]


def _quoted(path: str) -> str:
    if not _ODD.search(path):
        return path
    from urllib.parse import quote  # a tenth of a check, for the name of somebody's certificate

    return quote(path)


def building(host: Reader, facts: Facts, found: Mapping[str, Any] | None) -> bool:
    """Whether somebody builds there now: every client of the daemon in it is a ``buildctl dial-stdio``."""
    return any(_running(host, facts, found))


def _running(host: Reader, facts: Facts, found: Mapping[str, Any] | None) -> Iterator[bool]:
    for identity in (found or {}).get("ExecIDs") or ():
        run = host.get(facts.socket, f"/exec/{identity}/json") or {}
        process = run.get("ProcessConfig") or {}
        yield bool(run.get("Running")) and "dial-stdio" in (process.get("arguments") or ())
