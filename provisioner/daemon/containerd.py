"""Which containerd the engine uses, and where that keeps what it is given."""

import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from provisioner.daemon import file
from provisioner.engine import processes
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError, DeniedError
from provisioner.model import Reader
from provisioner.text import command_line

SYSTEM = "/run/containerd/containerd.sock"
CONFIG = "/etc/containerd/config.toml"
ROOT = "/var/lib/containerd"
NAMESPACE = "moby"
LIMIT = 1 << 20  # bytes of a configuration; the longest that containerd prints has 12 KB
ENGINES = ("/run/docker/", "/var/run/docker/")  # where an engine keeps the configuration of one of its own


def address(host: Reader, facts: Facts) -> str:
    """Its socket: as the engine says (from 27 on), as it was told, else the system's where there is one."""
    told = facts.engine.containerd_address or _told(host, facts, "containerd")
    if told or facts.layout.managed:
        return told.removeprefix("unix://") if told else f"{facts.engine.root}/containerd/containerd.sock"
    return SYSTEM if host.stat(SYSTEM) else "/var/run/docker/containerd/containerd.sock"


def namespace(host: Reader, facts: Facts) -> str:
    """The namespace of the engine's images where it is not docker's own; empty: it is."""
    told = _told(host, facts, "containerd-namespace")
    return told if told and told != NAMESPACE else ""


def _told(host: Reader, facts: Facts, key: str) -> str:
    """What a flag or a key of daemon.json says; empty: neither."""
    try:
        found = file.load(host, facts).get(key)
    except (ConfigError, DeniedError):
        found = None
    return command_line.value(facts.flags, f"--{key}") or str(found or "")


def root(host: Reader, facts: Facts) -> str:
    """Where images and the layers of containers will lie: rarely below data-root."""
    if address(host, facts) != SYSTEM:
        return f"{facts.engine.root}/containerd/daemon"
    flags = next(_running(host), ())
    told = command_line.value(flags, "--root")
    return told or _configured(host, command_line.value(flags, "--config", "-c") or CONFIG, ()) or ROOT


def snapshotters(host: Reader, facts: Facts) -> frozenset[str] | None:
    """The snapshotters that containerd has loaded; None: nobody can say."""
    if host.asleep:
        return None
    ran = host.ask("ctr", "--address", address(host, facts), "plugins", "list")
    rows = [line.split() for line in ran.stdout.splitlines()]
    if ran.status != 0 or not rows:
        return None
    return frozenset(row[1] for row in rows if row[0] == "io.containerd.snapshotter.v1" and row[-1] == "ok")


def _running(host: Reader) -> Iterator[tuple[str, ...]]:
    """The flags of the system's containerd; k3s has one at another address, an engine may have one of its own."""
    for process in processes.every(host):
        if process.program == "containerd" and processes.daemon(host, process):
            listens = command_line.value(process.argv, "--address", "-a") or SYSTEM
            config = command_line.value(process.argv, "--config", "-c") or CONFIG
            if listens == SYSTEM and not config.startswith(ENGINES):
                yield process.argv


def _configured(host: Reader, path: str, above: tuple[str, ...]) -> str:
    """The ``root`` of a configuration of any version; a file that it imports has the last word. Empty: none says."""
    if path in above:
        return ""
    try:
        found: dict[str, Any] = tomllib.loads((host.head(path, LIMIT) or b"").decode())
    except ValueError:
        return ""  # then containerd does not start with it, either
    said = str(found.get("root") or "")
    for pattern in found.get("imports") or ():
        for imported in _matching(host, pattern if pattern.startswith("/") else f"{path.rpartition('/')[0]}/{pattern}"):
            said = _configured(host, imported, (*above, path)) or said
    return said


def _matching(host: Reader, pattern: str) -> list[str]:
    folder, _, name = pattern.rpartition("/")
    return [f"{folder}/{n}" for n in host.names(folder) if fnmatchcase(n, name)]
