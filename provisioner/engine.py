"""Which engine ``docker`` talks to, and what kind of engine it is.

Facts: moby's /info, docker/cli's context store (`~/.docker/contexts/meta/<sha256 of the name>/meta.json`).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from provisioner.errors import ConfigError, NoEngineError
from provisioner.model import Reader

SOCKET = "/var/run/docker.sock"
SOCKETS = (SOCKET, "/run/docker.sock")  # /var/run is a link
LIMITS = {
    "MemoryLimit": ("memory",),
    "SwapLimit": ("memory-swap",),
    "CpuCfsPeriod": ("cpu-period",),
    "CpuCfsQuota": ("cpu-quota",),
    "CPUShares": ("cpu-shares",),
    "CPUSet": ("cpuset-cpus", "cpuset-mems"),
}
GRAPH_DRIVERS = frozenset(("overlay2", "fuse-overlayfs", "btrfs", "zfs", "vfs", "aufs", "devicemapper", "overlay"))
PAIR = ["driver-type", "io.containerd.snapshotter.v1"]


class Endpoint(NamedTuple):
    """Where the engine listens, as docker resolves it. ``source`` says what decided."""

    context: str
    host: str
    source: str

    @property
    def socket(self) -> str | None:
        """The path of its Unix socket; None: it listens elsewhere."""
        return self.host.removeprefix("unix://") if self.host.startswith("unix://") else None


class Engine(NamedTuple):
    """What an engine says of itself in /info. ``version`` is None where it is no number."""

    flavour: str
    name: str
    version_text: str
    version: tuple[int, ...] | None
    driver: str
    containerd: bool
    root: str
    containers: int
    running: int
    images: int
    architecture: str
    containerd_address: str = ""
    live_restore: bool = False
    manager: bool = False
    plugins: tuple[str, ...] = ()
    shown: Mapping[str, Any] = {}  # never changed
    mirrors: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    unlimited: tuple[str, ...] = ()  # limits that this engine drops, by the names of buildx's driver options
    cgroupfs: bool = False


NONE = Engine("none", "", "", None, "", containerd=False, root="/var/lib/docker", containers=0, running=0, images=0,
              architecture="")  # fmt: skip


class Flavour(NamedTuple):
    """One kind of engine: how /info and the endpoint give it away, and what to tell an owner that is not us."""

    name: str
    title: str
    signs: Callable[[Mapping[str, Any], Endpoint], bool]
    advice: str = ""  # empty: ours to provision


# What /info shows of the configuration in effect, by daemon.json's key.
SHOWN: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "debug": lambda i: i.get("Debug"),
    "experimental": lambda i: i.get("ExperimentalBuild"),
    "labels": lambda i: i.get("Labels"),
    "live-restore": lambda i: i.get("LiveRestoreEnabled"),
    "log-driver": lambda i: i.get("LoggingDriver"),
    "data-root": lambda i: i.get("DockerRootDir"),
    "default-runtime": lambda i: i.get("DefaultRuntime"),
}


def _names(info: Mapping[str, Any], *names: str) -> bool:
    name = str(info.get("Name", ""))
    return any(name == n or name.startswith(f"{n}-") for n in names)


# The first row whose signs are there wins, so that what wraps an engine comes before the engine.
FLAVOURS = (
    Flavour(
        "desktop",
        "Docker Desktop",
        lambda i, e: (
            i.get("OperatingSystem") == "Docker Desktop"
            or any(str(label).startswith("com.docker.desktop.") for label in i.get("Labels") or ())
        ),
        "turn on Settings > General > Use containerd for pulling and storing images; emulators are built in",
    ),
    Flavour("podman", "Podman", lambda i, e: "BuildahVersion" in i, "install Docker Engine beside it to use this"),
    Flavour(
        "orbstack", "OrbStack", lambda i, e: i.get("OperatingSystem") == "OrbStack", "run `orb config docker` instead"
    ),
    Flavour(
        "rancher-desktop",
        "Rancher Desktop",
        lambda i, e: (
            _names(i, "lima-rancher-desktop") or i.get("OperatingSystem") == "Rancher Desktop WSL Distribution"
        ),
        "choose the containerd image store in Rancher Desktop's settings",
    ),
    Flavour("colima", "Colima", lambda i, e: _names(i, "colima"), "edit the docker: part of colima.yaml instead"),
    Flavour("lima", "Lima", lambda i, e: _names(i, "lima"), "edit the instance with `limactl edit` instead"),
    Flavour("remote", "a remote engine", lambda i, e: e.socket is None, "run provisioner on the engine's own host"),
    Flavour(
        "rootless",
        "Engine, rootless",
        lambda i, e: "name=rootless" in (i.get("SecurityOptions") or ()),
        "only an engine of root's can be provisioned so far",
    ),
    Flavour(
        "snap",
        "Engine, snap",
        lambda i, e: str(i.get("DockerRootDir", "")).startswith("/var/snap/"),
        "only an engine of the distribution's or of Docker's packages can be provisioned so far",
    ),
    Flavour("engine", "Engine", lambda i, e: True),
)


def flavour(name: str) -> Flavour:
    """The row of a flavour's name."""
    return next(f for f in FLAVOURS if f.name == name)


def endpoint(host: Reader) -> Endpoint:
    """The endpoint that ``docker`` would use in this environment: DOCKER_HOST, DOCKER_CONTEXT, currentContext, default.

    ConfigError: a context is named that is not there, or its file cannot be read.
    """
    if where := host.environ.get("DOCKER_HOST"):
        return Endpoint("default", where, "DOCKER_HOST")
    folder = host.environ.get("DOCKER_CONFIG") or host.environ.get("HOME", "") + "/.docker"
    name, source = host.environ.get("DOCKER_CONTEXT"), "DOCKER_CONTEXT"
    if not name:
        path = f"{folder}/config.json"
        name, source = _object(host.read(path), path).get("currentContext"), path
    if not name or name == "default":
        return Endpoint("default", f"unix://{SOCKET}", "default")

    import hashlib  # only contexts are found by a digest

    path = f"{folder}/contexts/meta/{hashlib.sha256(name.encode()).hexdigest()}/meta.json"
    text = host.read(path)
    if text is None:
        hint = "see `docker context ls`; leave it with `docker context use default`"
        raise ConfigError(f"{source}: there is no docker context {name!r}", hint=hint)
    where = ((_object(text, path).get("Endpoints") or {}).get("docker") or {}).get("Host")
    return Endpoint(name, where or f"unix://{SOCKET}", source)


def ask(host: Reader, where: Endpoint) -> Engine:
    """What the engine says of itself. NoEngineError, DeniedError: nobody answers there."""
    if where.socket is None:
        hint = "run provisioner on the engine's own host"
        raise NoEngineError(f"{where.host} ({where.source}) is not on this host", hint=hint)
    info = host.get(where.socket, "/info")
    if not isinstance(info, dict) or "ServerVersion" not in info:
        raise NoEngineError(f"{where.host}: what answers there is no Docker engine", hint="is it Docker's socket?")
    return engine(info, where)


def engine(info: Mapping[str, Any], where: Endpoint) -> Engine:
    """Read the answer to GET /info."""
    text = str(info.get("ServerVersion") or "")
    registry = info.get("RegistryConfig") or {}
    indexes = registry.get("IndexConfigs") or {}
    return Engine(
        flavour=next(f.name for f in FLAVOURS if f.signs(info, where)),
        name=str(info.get("Name") or ""),
        version_text=text,
        version=version(text),
        driver=str(info.get("Driver") or ""),
        containerd=PAIR in (info.get("DriverStatus") or ()),
        root=str(info.get("DockerRootDir") or "/var/lib/docker"),
        containers=int(info.get("Containers") or 0),
        running=int(info.get("ContainersRunning") or 0),
        images=int(info.get("Images") or 0),
        architecture=str(info.get("Architecture") or ""),
        containerd_address=str((info.get("Containerd") or {}).get("Address") or ""),
        live_restore=bool(info.get("LiveRestoreEnabled")),
        manager=bool((info.get("Swarm") or {}).get("ControlAvailable")),
        plugins=tuple((info.get("Plugins") or {}).get("Authorization") or ()),
        shown={key: look(info) for key, look in SHOWN.items()},
        mirrors=tuple(registry.get("Mirrors") or ()),
        insecure=tuple(name for name, index in indexes.items() if not index.get("Secure", True)),
        unlimited=tuple(o for key, options in LIMITS.items() if info.get(key) is False for o in options),
        cgroupfs=info.get("CgroupDriver") == "cgroupfs",
    )


def version(text: str) -> tuple[int, ...] | None:
    """``28.5.2+dfsg4`` -> (28, 5, 2). None for what is no number: unknown, not old."""
    numbers = []
    for part in text.split("-")[0].split("+")[0].split("~")[0].split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers) or None


def store(found: Engine) -> str:
    """The image store in effect: ``containerd``, else the graph driver's name.

    The pair in DriverStatus alone proves nothing on 24 to 28: an explicit graph driver beside the feature is reported
    with the pair, and then fails every run. btrfs and zfs are snapshotters' names, too; 29 checks that they exist.
    """
    twins = ("btrfs", "zfs") if found.version is not None and found.version >= (29,) else ()
    broken = found.driver in GRAPH_DRIVERS and found.driver not in twins
    return "containerd" if found.containerd and not broken else found.driver


def _object(text: str | None, path: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if text and text.strip() else {}
    except ValueError:
        raise ConfigError(f"{path}: it is no JSON", hint="docker would refuse it, too") from None
    return found if isinstance(found, dict) else {}
