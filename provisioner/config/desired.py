"""The configuration: YAML, checked against schema.json, as an immutable ``Desired``.

jsonschema and PyYAML cost more than a whole drift check. So an apply remembers the text that it has validated together
with what came of it, and whoever reads the same text again imports neither.
"""

from collections.abc import Mapping

from provisioner import __version__, libraries
from provisioner.errors import ConfigError, DeniedError
from provisioner.model import Reader
from provisioner.platforms import table
from provisioner.typed import Any, NamedTuple

PATH = "/etc/provisioner/provisioner.yaml"
OWN = "/provisioner/provisioner.yaml"  # below a user's configuration
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LIMIT = 1 << 20  # bytes; nobody writes that much by hand


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
    ``inherit``: whether it gets what the daemon knows of registries and proxies.
    """

    name: str = "container-builder"
    driver: str = "docker-container"
    driver_options: Mapping[str, str] = {}  # never changed, and a record's default is shared anyway
    flags: tuple[str, ...] = ()
    buildkitd: Mapping[str, Any] = {}
    platforms: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    users: tuple[str, ...] = ("root",)
    select: str = "once"
    inherit: bool = True
    gc: str = "sized"


class Desired(NamedTuple):
    """What the configuration asks for. ``platforms`` are normalised names, each once.

    ``engine``: auto (docker's own choice), all, a context's name or an address.
    ``repair`` lists the resources that the timer may mend.
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


def load(host: Reader, path: str | None) -> Desired:
    """The desired state. No path: the default file, and the defaults where there is none.

    ConfigError names the file, the place in it and what would be right.
    """
    text = host.read(place(host, path))
    if text is None:
        if path:
            raise ConfigError(f"{path}: there is no such file", hint="`provisioner init` prints one to start from")
        return Desired()
    known = _remembered(host)
    if known.get("text") == text:
        return from_json(known["desired"])
    return parse(text, place(host, path))


def place(host: Reader, path: str | None) -> str:
    """The file that counts: the one that is named, a user's own, the host's."""
    if path or host.uid == 0:
        return path or PATH
    own = f"{host.environ.get('XDG_CONFIG_HOME') or host.home + '/.config'}{OWN}"
    return own if host.stat(own) else PATH


def remembered(host: Reader) -> str:
    """The file of what an apply has validated."""
    return f"{host.state}/configuration.json"


def memory(host: Reader, path: str | None, desired: Desired) -> str | None:
    """What is to be remembered of a configuration that has been validated; None: no file, nothing to remember."""
    text = host.read(place(host, path))
    return None if text is None else remember(text, desired)


def remember(text: str, desired: Desired) -> str:
    """What is remembered of a text that has been validated, and by whom: a newer agent may read more in it."""
    import json

    return json.dumps({"agent": __version__, "text": text, "desired": to_json(desired)}) + "\n"


def parse(text: str, path: str) -> Desired:
    """Read and validate a configuration's text."""
    libraries.find()
    try:
        from provisioner.config import schema
        from provisioner.text import strict_yaml  # they bring jsonschema and PyYAML

        found = schema.validate(strict_yaml.read(text, path, LIMIT), path)
    except ModuleNotFoundError as e:
        hint = "install it: apt-get install python3-yaml python3-jsonschema"
        raise ConfigError(f"{path}: cannot be read without the Python module {e.name}", hint=hint) from None
    wanted = [_platform(p, i, path) for i, p in enumerate(found.pop("platforms", Desired().platforms))]
    found["repair"] = tuple(found.get("repair", ()))
    if "builder" in found:
        from provisioner.config import builder_section

        found["builder"] = builder_section.checked(found["builder"], path)
    sections: Mapping[str, Any] = {"image_store": ImageStore, "emulators": Emulators, "builder": builder}
    made = {key: sections[key](**value) if key in sections else value for key, value in found.items()}
    made["restart"] = _restarts(found.get("restart", {}))
    if "containerd-snapshotter" in (made.get("daemon", {}).get("features") or {}):
        hint = "say image_store: {backend: containerd}, or unmanaged, instead"
        raise ConfigError(f"{path}: daemon.features.containerd-snapshotter: the image store has it", hint=hint)
    desired = Desired(platforms=tuple(dict.fromkeys(wanted)), **made)
    if desired.emulators.source == "directory" and not desired.emulators.directory:
        hint = "say where the programs are: emulators.directory: /opt/qemu"
        raise ConfigError(f"{path}: emulators.source is directory, but none is named", hint=hint)
    return desired


def platform_list(text: str) -> tuple[str, ...]:
    """Names with commas between them, or ``all``: one of each architecture. ConfigError: one of them is none."""
    if text == "all":
        return table.each_architecture()
    names = (_platform(name, index, "--platforms") for index, name in enumerate(text.split(",")))
    return tuple(dict.fromkeys(names))


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
        restart=_restarts(found["restart"]),
        daemon=found.get("daemon", {}),
        only=tuple(found.get("only", ())),
        repair=tuple(found.get("repair", ())),
    )


def _restarts(found: str | Mapping[str, Any]) -> Restarts:
    """The plain word, or the mapping with a window."""
    if isinstance(found, str):
        return Restarts(found)
    window = found.get("window")
    made = Window(**{**window, "days": tuple(window.get("days") or DAYS)}) if window else None
    return Restarts(found.get("policy", "if-idle"), made)


def builder(**found: Any) -> Builder:
    """A builder's record, from JSON or YAML."""
    nodes = tuple(Node(**_tuples(node)) for node in found.pop("nodes", ()))
    return Builder(**_tuples(found), nodes=nodes)


def _tuples(found: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}


def _plain(value: Any) -> Any:
    """Records as mappings and tuples as lists, all the way down."""
    if hasattr(value, "_asdict"):
        return {k: _plain(v) for k, v in value._asdict().items()}
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _platform(name: str, index: int, path: str) -> str:
    try:
        return table.normalise(name)
    except ValueError as e:
        raise ConfigError(f"{path}: platforms[{index}]: {e}", hint="for example linux/arm64") from None


def _remembered(host: Reader) -> Mapping[str, Any]:
    """What an apply of this agent's remembered; nothing where we may not look, or the file is no longer whole."""
    import json  # the defaults need none

    try:
        found = json.loads(host.read(remembered(host)) or "{}")
    except (ConfigError, DeniedError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("agent") == __version__ else {}
