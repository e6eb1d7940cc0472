"""Docker Desktop: what prevents a change of its settings, and which program stops and starts it.

Desktop rewrites its settings while it runs, and refuses to start with a file that is not JSON. Sources: Docker's
documentation of settings-store.json, admin-settings.json and ``docker desktop``, and the issues of docker/for-mac,
for-win and desktop-feedback.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from provisioner.engine import places
from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.steps import Obstacle

GUI = "in Docker Desktop: Settings > General > Use containerd for pulling and storing images > Apply"
PLUGINS = (
    "{home}/.docker/cli-plugins/docker-desktop",
    "/usr/local/lib/docker/cli-plugins/docker-desktop",
    "/usr/lib/docker/cli-plugins/docker-desktop",
    "{home}/.docker/cli-plugins/docker-desktop.exe",
    "C:/Program Files/Docker/cli-plugins/docker-desktop.exe",
)
LOCKS = (
    "/usr/share/docker-desktop/admin-settings.json",
    "/Library/Application Support/com.docker.docker/admin-settings.json",
    "C:/ProgramData/DockerDesktop/admin-settings.json",
)
WHOLE = 60  # keys: a longer file lists every setting, chosen or not; current versions store only chosen ones


class Control(NamedTuple):
    """A way to stop and start Desktop: a file that shows that it is available, and its commands.

    ``stays`` means that the start command is Desktop itself. It runs as long as Desktop does.
    """

    sign: str
    stop: tuple[str, ...]
    start: tuple[str, ...]
    stays: bool = False


WINDOWS = "C:/Program Files/Docker/Docker"
CONTROLS = (
    *(
        Control(plugin, ("docker", "desktop", "stop", "--detach"), ("docker", "desktop", "start", "--detach"))
        for plugin in PLUGINS
    ),
    Control("/Applications/Docker.app", ("osascript", "-e", 'quit app "Docker"'), ("open", "-a", "Docker")),
    Control(
        f"{WINDOWS}/DockerCli.exe",
        (f"{WINDOWS}/DockerCli.exe", "-Shutdown"),
        (f"{WINDOWS}/Docker Desktop.exe",),
        stays=True,
    ),
    Control(
        "/usr/lib/systemd/user/docker-desktop.service",
        ("systemctl", "--user", "stop", "docker-desktop"),
        ("systemctl", "--user", "start", "docker-desktop"),
    ),
)


def control(host: Reader) -> Control | None:
    """Return the way to stop and start Desktop on this host, or None if there is none."""
    return next((row for row in CONTROLS if host.stat(places.expanded(host, row.sign))), None)


def obstacles(host: Reader, seen: Facts, found: Mapping[str, Any]) -> Iterator[Obstacle]:
    """Yield what prevents a change of the image store. ``found`` is the content of the settings file."""
    if host.stat(seen.daemon_json) is None:
        yield Obstacle("no-settings", f"{seen.daemon_json}: Docker Desktop's settings are not there", f"set it {GUI}")
    if control(host) is None:
        message = "nothing here can stop and start Docker Desktop, and its settings are edited while it is stopped"
        yield Obstacle("no-control", message, GUI)
    if _setting(found, "UseWindowsContainers"):
        message = f"{seen.daemon_json}: Docker Desktop runs Windows containers"
        yield Obstacle("windows-containers", message, "docker desktop engine use linux")
    if found.get(seen.leaf[0]) is False and len(found) < WHOLE:
        message = f"{seen.daemon_json}: {seen.leaf[0]} is explicitly false: somebody decided that"
        yield Obstacle("explicit-false", message, f"when that no longer holds, {GUI}")
    for name, lock in _locks(host):
        if _forbids(lock, seen.leaf[0]):
            message = f"{name}: an administrator keeps the image store as it is"
            yield Obstacle("locked-by-administrator", message, "ask whoever manages that file")


def notes(host: Reader, found: Mapping[str, Any]) -> Iterator[str]:
    """Yield notes about an administrator's settings and about isolation."""
    locked = dict(_locks(host))
    isolation = "enhancedContainerIsolation"
    if _setting(found, "EnhancedContainerIsolation") or any(_value(lock, isolation) for lock in locked.values()):
        yield "Enhanced Container Isolation is on: the builder is privileged only within a user namespace"
    for name, lock in locked.items():
        keys = ", ".join(sorted(k for k, v in lock.items() if isinstance(v, dict) and v.get("locked")))
        if keys:
            yield f"{name} locks {keys}"


def _setting(found: Mapping[str, Any], name: str) -> Any:
    """Return a setting by its current name, or by its spelling in settings.json."""
    return found.get(name, found.get(name[0].lower() + name[1:]))


def _locks(host: Reader) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every readable settings file of an administrator, with its path."""
    for path in LOCKS:
        try:
            found = json.loads((host.read(path) or "{}").removeprefix("\ufeff"))
        except (ValueError, RecursionError, ProvisionerError):
            continue  # Desktop cannot use it either
        if isinstance(found, dict) and found:
            yield path, found


def _value(lock: Mapping[str, Any], name: str) -> Any:
    entry = lock.get(name)
    return entry.get("value") if isinstance(entry, dict) else None


def _forbids(lock: Mapping[str, Any], leaf: str) -> bool:
    """Whether an administrator locks the image store, or the daemon's features, to another value."""
    for name, entry in lock.items():
        if name.lower() == leaf.lower() and isinstance(entry, dict) and entry.get("locked"):
            return entry.get("value") is not True
    try:
        options = (lock.get("linuxVM") or {}).get("dockerDaemonOptions") or {}
        features = json.loads(options.get("value") or "{}").get("features") or {}
        return bool(options.get("locked")) and features.get("containerd-snapshotter") is False
    except (ValueError, TypeError, AttributeError, RecursionError):  # the file differs from Docker's documentation
        return False
