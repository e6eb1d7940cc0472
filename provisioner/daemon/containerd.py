"""Which containerd the engine uses, and where that containerd keeps its data."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from provisioner.daemon import file
from provisioner.engine import processes
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError, DeniedError
from provisioner.model import Reader
from provisioner.text import command_line, toml

SYSTEM = "/run/containerd/containerd.sock"
CONFIG = "/etc/containerd/config.toml"
ROOT = "/var/lib/containerd"
NAMESPACE = "moby"
LIMIT = 1 << 20  # bytes of a configuration file; the default configuration that containerd prints has at most 12 KB
ENGINES = ("/run/docker/", "/var/run/docker/")  # where an engine keeps the configuration of its own containerd


def address(host: Reader, facts: Facts) -> str:
    """Return containerd's socket.

    The engine reports it (27 or later), or a flag or daemon.json sets it. Else it is the system's, if that exists.
    """
    told = facts.engine.containerd_address or _told(host, facts, "containerd")
    if told or facts.layout.managed:
        return told.removeprefix("unix://") if told else f"{facts.engine.root}/containerd/containerd.sock"
    return SYSTEM if host.stat(SYSTEM) else "/var/run/docker/containerd/containerd.sock"


def namespace(host: Reader, facts: Facts) -> str:
    """Return the containerd namespace of the engine's images, or an empty string if it is Docker's default."""
    told = _told(host, facts, "containerd-namespace")
    return told if told and told != NAMESPACE else ""


def _told(host: Reader, facts: Facts, key: str) -> str:
    """Return the value of a flag or of a key in daemon.json, or an empty string."""
    try:
        found = file.load(host, facts).get(key)
    except (ConfigError, DeniedError):
        found = None
    return command_line.value(facts.flags, f"--{key}") or str(found or "")


def root(host: Reader, facts: Facts) -> str:
    """Return the folder for images and container layers. It is rarely below data-root."""
    if address(host, facts) != SYSTEM:
        return f"{facts.engine.root}/containerd/daemon"
    flags = next(_running(host), ())
    told = command_line.value(flags, "--root")
    return told or _configured(host, command_line.value(flags, "--config", "-c") or CONFIG, ()) or ROOT


def snapshotters(host: Reader, facts: Facts) -> frozenset[str] | None:
    """Return the snapshotters that containerd has loaded, or None if that is unknown."""
    if host.asleep:
        return None
    ran = host.ask("ctr", "--address", address(host, facts), "plugins", "list")
    rows = [line.split() for line in ran.stdout.splitlines()]
    if ran.status != 0 or not rows:
        return None
    return frozenset(row[1] for row in rows if row[:1] == ["io.containerd.snapshotter.v1"] and row[2:][-1:] == ["ok"])


def _running(host: Reader) -> Iterator[tuple[str, ...]]:
    """Yield the command line of the system's containerd.

    Others are skipped: k3s runs one at another address, and an engine may run its own.
    """
    for process in processes.every(host):
        if process.program == "containerd" and processes.daemon(host, process):
            listens = command_line.value(process.argv, "--address", "-a") or SYSTEM
            config = command_line.value(process.argv, "--config", "-c") or CONFIG
            if listens == SYSTEM and not config.startswith(ENGINES):
                yield process.argv


def _configured(host: Reader, path: str, above: tuple[str, ...]) -> str:
    """Return the ``root`` of a containerd configuration, or an empty string. Imported files override it."""
    if path in above:
        return ""
    try:
        found = toml.read((host.head(path, LIMIT) or b"").decode("utf-8", "surrogateescape"), path)
    except ConfigError:
        return ""  # containerd does not start with this file either
    said, imports = str(found.get("root") or ""), found.get("imports")
    for pattern in (p for p in (imports if isinstance(imports, list) else ()) if isinstance(p, str)):
        for imported in _matching(host, pattern if pattern.startswith("/") else f"{path.rpartition('/')[0]}/{pattern}"):
            said = _configured(host, imported, (*above, path)) or said
    return said


def _matching(host: Reader, pattern: str) -> list[str]:
    folder, _, name = pattern.rpartition("/")
    return [f"{folder}/{n}" for n in host.names(folder) if fnmatchcase(n, name)]
