"""The desired state that the configuration describes, as immutable records and as JSON."""

from collections.abc import Mapping

from provisioner.typed import Any, NamedTuple

AUTO = "auto"  # in a builder's list of users: root, and the person who ran the command
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Window(NamedTuple):
    """When the daemon may be restarted.

    ``start`` is a time of day (HH:MM), ``length`` a duration (90m, 4h). An empty ``zone`` means the host's time zone.
    """

    days: tuple[str, ...]
    start: str
    length: str
    zone: str = ""


class Restarts(NamedTuple):
    """When restarts are allowed. ``policy`` is never, if-idle or always. Without a window, any time is allowed."""

    policy: str = "if-idle"
    window: Window | None = None


class ImageStore(NamedTuple):
    """The image store. ``backend`` is containerd or unmanaged. ``existing`` is refuse, hide or migrate."""

    backend: str = "containerd"
    existing: str = "refuse"


class Emulators(NamedTuple):
    """Where emulators come from. ``source`` is auto, image, package or directory.

    ``directory`` is an absolute path or empty. ``replace`` allows replacing a broken entry that is not ours.
    """

    source: str = "auto"
    image: str = "tonistiigi/binfmt"
    directory: str = ""
    credentials: bool = True
    replace: bool = False


class Node(NamedTuple):
    """An additional node of a builder.

    ``endpoint`` is a context's name, an ssh:// or tcp:// address, or another form that the driver accepts.
    It may be empty.
    """

    endpoint: str = ""
    name: str = ""
    platforms: tuple[str, ...] = ()
    driver_options: Mapping[str, str] = {}
    flags: tuple[str, ...] = ()


class Builder(NamedTuple):
    """A builder, described with the names that buildx uses.

    ``platforms`` fixes the platforms of this host's own node. ``select`` is once or always. ``gc`` is sized or default.
    ``inherit`` passes the daemon's registry and proxy settings to the builder.
    ``kubeconfig`` belongs to the user who builds; empty means the default file.
    ``context`` is the required current context of that file; empty accepts any.
    """

    name: str = "container-builder"
    driver: str = "docker-container"
    driver_options: Mapping[str, str] = {}  # never changed, and all instances share the default
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
    """The desired state. ``platforms`` are normalized names without duplicates.

    ``engine`` is auto (docker's own choice), all, a context's name or an address.
    ``only`` comes from the command line and names the resources of this run; empty means all.
    ``repair`` lists the resources that the timer may repair.
    ``packages`` is auto or never: whether missing programs may be installed.
    ``history`` is how many entries of the history are kept as they are.
    ``keep`` names the kinds of things that stay on the host when they leave the configuration. AUTO in it is not
    configured: it says that the builder's users were resolved from ``auto``, so other users keep theirs.
    ``delete_caches`` comes from the command line: delete the caches of builders that are gone.
    """

    platforms: tuple[str, ...] = ("linux/amd64", "linux/arm64")
    engine: str = "auto"
    image_store: ImageStore = ImageStore()
    emulators: Emulators = Emulators()
    builder: Builder = Builder()
    restart: Restarts = Restarts()
    daemon: Mapping[str, Any] = {}  # never changed
    only: tuple[str, ...] = ()
    repair: tuple[str, ...] = ()
    packages: str = "auto"
    history: int = 100
    keep: tuple[str, ...] = ()
    delete_caches: bool = False


def to_json(desired: Desired) -> dict[str, Any]:
    """Convert the desired state to JSON. ``from_json`` reads it back."""
    found = {k: _plain(v) for k, v in desired._asdict().items()}
    policy, window = desired.restart
    return {**found, "restart": {"policy": policy, "window": _plain(window)} if window else policy}


def from_json(found: Mapping[str, Any]) -> Desired:
    """Read what ``to_json`` wrote."""
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
        history=found.get("history", 100),
        keep=tuple(found.get("keep", ())),
        delete_caches=bool(found.get("delete_caches")),
    )


def restarts(found: str | Mapping[str, Any]) -> Restarts:
    """Read the setting ``restart``: either a single word, or a mapping with a window."""
    if isinstance(found, str):
        return Restarts(found)
    window = found.get("window")
    made = Window(**{**window, "days": tuple(window.get("days") or DAYS)}) if window else None
    return Restarts(found.get("policy", "if-idle"), made)


def builder(**found: Any) -> Builder:
    """Make a builder's record from JSON or YAML."""
    nodes = tuple(Node(**_tuples(node)) for node in found.pop("nodes", ()))
    if found.get("users") == AUTO:
        found["users"] = [AUTO]
    return Builder(**_tuples(found), nodes=nodes)


def _tuples(found: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}


def _plain(value: Any) -> Any:
    """Convert records to mappings and tuples to lists, recursively."""
    if hasattr(value, "_asdict"):
        return {k: _plain(v) for k, v in value._asdict().items()}
    return [_plain(v) for v in value] if isinstance(value, tuple) else value
