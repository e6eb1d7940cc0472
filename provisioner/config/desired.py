"""What the configuration asks for, as immutable records, and the same as JSON."""

from collections.abc import Mapping

from provisioner.typed import Any, NamedTuple

AUTO = "auto"  # among the users of a builder: root, and the person who asked
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Window(NamedTuple):
    """When the daemon may be restarted: from ``start`` (HH:MM) for ``length`` (90m, 4h); ``zone`` empty: the host's."""

    days: tuple[str, ...]
    start: str
    length: str
    zone: str = ""


class Restarts(NamedTuple):
    """``policy``: never | if-idle | always; no window: at any time."""

    policy: str = "if-idle"
    window: Window | None = None


class ImageStore(NamedTuple):
    """``backend``: containerd | unmanaged; ``existing``: refuse | hide | migrate."""

    backend: str = "containerd"
    existing: str = "refuse"


class Emulators(NamedTuple):
    """``source``: auto | image | package | directory; ``directory``: absolute, or empty.

    ``replace``: an entry of somebody else's that does not do makes way.
    """

    source: str = "auto"
    image: str = "tonistiigi/binfmt"
    directory: str = ""
    credentials: bool = True
    replace: bool = False


class Node(NamedTuple):
    """One more endpoint of a builder: a context's name, ssh://, tcp:// or what else the driver takes, if anything."""

    endpoint: str = ""
    name: str = ""
    platforms: tuple[str, ...] = ()
    driver_options: Mapping[str, str] = {}
    flags: tuple[str, ...] = ()


class Builder(NamedTuple):
    """A builder in buildx's own words.

    ``platforms`` are fixed for this host's own node; ``select``: once | always; ``gc``: sized | default;
    ``inherit``: whether it gets what the daemon knows of registries and proxies. ``kubeconfig``: of the user who
    builds, empty for the default one; ``context``: what its current context has to be, empty for any.
    """

    name: str = "container-builder"
    driver: str = "docker-container"
    driver_options: Mapping[str, str] = {}  # never changed, and a record's default is shared anyway
    flags: tuple[str, ...] = ()
    buildkitd: Mapping[str, Any] = {}
    platforms: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    users: tuple[str, ...] = (AUTO,)
    select: str = "once"
    inherit: bool = True
    gc: str = "sized"
    kubeconfig: str = ""
    context: str = ""


class Desired(NamedTuple):
    """What the configuration asks for. ``platforms`` are normalised names, each once.

    ``engine``: auto (docker's own choice), all, a context's name or an address.
    ``repair`` lists the resources that the timer may mend. ``packages``: auto | never, whether programs that are
    missing may be installed.
    ``only`` is the command line's: the names of the resources that this run is about; none: all.
    """

    platforms: tuple[str, ...] = ("linux/amd64", "linux/arm64")
    engine: str = "auto"
    image_store: ImageStore = ImageStore()
    emulators: Emulators = Emulators()
    builder: Builder = Builder()
    restart: Restarts = Restarts()
    daemon: Mapping[str, Any] = {}  # never changed, either
    only: tuple[str, ...] = ()
    repair: tuple[str, ...] = ()
    packages: str = "auto"


def to_json(desired: Desired) -> dict[str, Any]:
    """The desired state as JSON has it; ``from_json`` takes it back."""
    found = {k: _plain(v) for k, v in desired._asdict().items()}
    policy, window = desired.restart
    return {**found, "restart": {"policy": policy, "window": _plain(window)} if window else policy}


def from_json(found: Mapping[str, Any]) -> Desired:
    """What ``to_json`` gave."""
    return Desired(
        platforms=tuple(found["platforms"]),
        engine=found.get("engine", "auto"),
        image_store=ImageStore(**found["image_store"]),
        emulators=Emulators(**found["emulators"]),
        builder=builder(**found["builder"]),
        restart=restarts(found["restart"]),
        daemon=found.get("daemon", {}),
        only=tuple(found.get("only", ())),
        repair=tuple(found.get("repair", ())),
        packages=found.get("packages", "auto"),
    )


def restarts(found: str | Mapping[str, Any]) -> Restarts:
    """The plain word, or the mapping with a window."""
    if isinstance(found, str):
        return Restarts(found)
    window = found.get("window")
    made = Window(**{**window, "days": tuple(window.get("days") or DAYS)}) if window else None
    return Restarts(found.get("policy", "if-idle"), made)


def builder(**found: Any) -> Builder:
    """A builder's record, from JSON or YAML."""
    nodes = tuple(Node(**_tuples(node)) for node in found.pop("nodes", ()))
    if found.get("users") == AUTO:
        found["users"] = [AUTO]
    return Builder(**_tuples(found), nodes=nodes)


def _tuples(found: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}


def _plain(value: Any) -> Any:
    """Records as mappings and tuples as lists, all the way down."""
    if hasattr(value, "_asdict"):
        return {k: _plain(v) for k, v in value._asdict().items()}
    return [_plain(v) for v in value] if isinstance(value, tuple) else value
