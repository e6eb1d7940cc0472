"""What an engine reports about itself. Source: moby's GET /info."""

from collections.abc import Callable, Mapping

from provisioner.engine import kinds
from provisioner.engine.endpoints import Endpoint
from provisioner.errors import NoEngineError
from provisioner.model import Reader
from provisioner.typed import Any, NamedTuple

PAIR = ["driver-type", "io.containerd.snapshotter.v1"]  # in DriverStatus if the engine uses containerd's image store
PROXIES = {"HttpProxy": "http_proxy", "HttpsProxy": "https_proxy", "NoProxy": "no_proxy"}
LONGEST, DIGITS = 4096, 9  # the longest path in characters (PATH_MAX), and the most digits in a part of a version
LIMITS = {
    "MemoryLimit": ("memory",),
    "SwapLimit": ("memory-swap",),
    "CpuCfsPeriod": ("cpu-period",),
    "CpuCfsQuota": ("cpu-quota",),
    "CPUShares": ("cpu-shares",),
    "CPUSet": ("cpuset-cpus", "cpuset-mems"),
}


class Engine(NamedTuple):
    """An engine as GET /info describes it. ``version`` is None if the text is not a number."""

    kind: str
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
    shown: Mapping[str, Any] = {}  # never modified
    mirrors: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    unlimited: tuple[str, ...] = ()  # limits that this engine ignores, by the names of buildx's driver options
    cgroupfs: bool = False
    kernel: str = ""
    proxies: Mapping[str, str] = {}
    ranges: tuple[str, ...] = ()  # networks whose registries need no TLS


NONE = Engine("none", "", "", None, "", containerd=False, root="/var/lib/docker", containers=0, running=0, images=0,
              architecture="")  # fmt: skip


# The parts of the active configuration that /info shows, by daemon.json's key.
SHOWN: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "debug": lambda i: i.get("Debug"),
    "experimental": lambda i: i.get("ExperimentalBuild"),
    "labels": lambda i: i.get("Labels"),
    "live-restore": lambda i: i.get("LiveRestoreEnabled"),
    "log-driver": lambda i: i.get("LoggingDriver"),
    "data-root": lambda i: i.get("DockerRootDir"),
    "default-runtime": lambda i: i.get("DefaultRuntime"),
}


def ask(host: Reader, where: Endpoint) -> Engine:
    """Ask an engine for GET /info.

    Raises: NoEngineError, DeniedError if no Docker engine answers there, or this user may not connect.
    """
    if where.socket is None:
        hint = "an address is unix://, npipe://, tcp:// or ssh://"
        raise NoEngineError(f"{where.host} ({where.source}) is not an address of an engine", hint=hint)
    try:
        info = host.get(where.socket, "/info")
    except NoEngineError as e:
        there = kinds.expected(where.host)
        if there is None or there.emulators != "inside":
            raise
        raise NoEngineError(f"{e.message}: {there.title} is not running", hint=f"start {there.title}") from None
    if not isinstance(info, dict) or "ServerVersion" not in info:
        raise NoEngineError(f"{where.host}: what answers there is not a Docker engine", hint="is it Docker's socket?")
    try:
        said = _unnamed(host, info) if kinds.named(info) else info
        return engine(said, where)._replace(name=str(info.get("Name") or ""))
    except (ValueError, TypeError, AttributeError, ArithmeticError):
        hint = "is it Docker's socket?"
        raise NoEngineError(f"{where.host}: GET /info gives what no Docker engine says", hint=hint) from None


def _unnamed(host: Reader, info: Mapping[str, Any]) -> Mapping[str, Any]:
    """Clear the engine's name if it is only this host's own name: a server may be called lima-web-01."""
    own = [(host.read(f"/proc/sys/kernel/{name}") or "").strip() for name in ("hostname", "osrelease")]
    return {**info, "Name": ""} if own == [info.get("Name"), info.get("KernelVersion")] else info


def engine(info: Mapping[str, Any], where: Endpoint) -> Engine:
    """Convert the answer to GET /info."""
    text = str(info.get("ServerVersion") or "")
    registry = info.get("RegistryConfig") or {}
    indexes = registry.get("IndexConfigs") or {}
    return Engine(
        kind=kinds.recognised(info, where.host).name,
        name=str(info.get("Name") or ""),
        version_text=text,
        version=version(text),
        driver=str(info.get("Driver") or ""),
        containerd=PAIR in (info.get("DriverStatus") or ()),
        root=_folder(info.get("DockerRootDir")),
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
        kernel=str(info.get("KernelVersion") or ""),
        ranges=tuple(map(str, registry.get("InsecureRegistryCIDRs") or ())),
        proxies={variable: str(info[key]) for key, variable in PROXIES.items() if info.get(key)},
    )


def _folder(said: Any) -> str:
    """Return the data root. Raises ValueError if it cannot be a path."""
    path = str(said or "/var/lib/docker")
    if "\0" in path or len(path) > LONGEST or not (path.startswith("/") or path[1:3] in (":\\", ":/")):
        raise ValueError(path)
    return path


def version(text: str) -> tuple[int, ...] | None:
    """Parse a version: ``28.5.2+dfsg4`` becomes (28, 5, 2).

    Returns: None if the text has no number or only zeros, as in an unstamped build. An unknown version does not count
    as old.
    """
    numbers = []
    for part in text.split("-")[0].split("+")[0].split("~")[0].split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits or len(digits) > DIGITS:
            break
        numbers.append(int(digits))
        if digits != part:
            break  # 25.0.6ce
    return tuple(numbers) if any(numbers) else None
