"""Conflicts with a change of daemon.json or with the containerd store: a table, with what to do about each.

Every row caused an outage somewhere. ``dockerd --validate`` accepts most of them. Sources: moby's image_store_choice.go
and config.go, and the issues named in the design.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from provisioner.daemon import managers
from provisioner.daemon.scene import Scene
from provisioner.engine import running, stores
from provisioner.steps import Obstacle
from provisioner.text import command_line, json_read

# Keys that a version of the engine removed, and their replacements. The daemon does not start with them.
REMOVED = {
    "disable-legacy-registry": ((19, 3), "take it away"),
    "graph": ((23,), "say data-root instead"),
    "cluster-store": ((24,), "take it away; swarm needs none"),
    "cluster-advertise": ((24,), "take it away; swarm needs none"),
    "cluster-store-opts": ((24,), "take it away; swarm needs none"),
    "oom-score-adjust": ((25,), "set OOMScoreAdjust= in the unit instead"),
    "api-cors-header": ((28,), "take it away; a reverse proxy can add the header"),
}
SPEAKING = ("labels", "features")  # the keys in which dockerd accepts any text
# A marker always contains one of these words. The pattern alone would take 14 ms for a megabyte of labels.
HINTS = ("managed", "maintained", "controlled", "generated", "do not edit")
SNAPSHOTTER = "overlayfs"  # the engine's default


class Conflict(NamedTuple):
    """A row of the table. ``sees`` returns the conflict or None. ``store`` limits the row to a switch of the store."""

    code: str
    sees: Callable[[Scene], str | None]
    hint: str
    store: bool = True


def named(scene: Scene, *, store: bool) -> list[Obstacle]:
    """Return every conflict, in the table's order, with what to do."""
    rows = [row for row in CONFLICTS if store or not row.store]
    found = [Obstacle(row.code, what, row.hint) for row in rows if (what := row.sees(scene))]
    return [*found, *_removed(scene)]


def _removed(scene: Scene) -> Iterator[Obstacle]:
    version = scene.facts.engine.version
    for key, (since, hint) in REMOVED.items():
        if key in scene.found and version is not None and version >= since:
            last = ".".join(f"{number:02}" for number in since)  # as Docker writes 19.03
            message = f"{scene.facts.daemon_json}: engine {last} took away {key}, and does not start with it"
            yield Obstacle("removed-key", message, hint)


def _setting(key: str, *flags: str) -> Callable[[Scene], str | None]:
    """Make a ``sees`` function for a key of daemon.json or a flag of the unit."""

    def sees(scene: Scene) -> str | None:
        value = command_line.value(scene.start.argv, *flags)
        if scene.found.get(key):
            where = f"{scene.facts.daemon_json}: {key} is {scene.found[key]!r}"
        elif value:
            where = f"{scene.facts.layout.unit} passes {flags[0]} {value}"
        else:
            return None
        return f"{where}, and that does not go with the containerd store"

    return sees


def _driver(scene: Scene) -> str | None:
    breaks = "a graph driver, which breaks every run with the containerd store, or the daemon's start"
    return next((f"{k} {v!r}: {breaks}" for k, v in _drivers(scene) if v in stores.GRAPH_DRIVERS), None)


def _snapshotter(scene: Scene) -> str | None:
    """Find a missing snapshotter. Engines 24 to 28 then fail every run, and 29 does not start."""
    where, name = next(((k, v) for k, v in _drivers(scene) if v), ("the containerd store takes", SNAPSHOTTER))
    if scene.snapshotters is None or name in scene.snapshotters or name in stores.GRAPH_DRIVERS:
        return None
    return f"{where} {name!r}, which containerd has not loaded ({', '.join(sorted(scene.snapshotters)) or 'nothing'})"


def _drivers(scene: Scene) -> tuple[tuple[str, str | None], ...]:
    """Return each source of a driver name with its value. The engine gives DOCKER_DRIVER priority."""
    unit = scene.facts.layout.unit
    return (
        (f"{unit} sets DOCKER_DRIVER to", scene.start.environ.get("DOCKER_DRIVER")),
        (f"{scene.facts.daemon_json}: storage-driver is", scene.found.get("storage-driver")),
        (f"{unit} passes --storage-driver", command_line.value(scene.start.argv, "--storage-driver", "-s")),
    )


def _false(scene: Scene) -> str | None:
    if json_read.leaf(dict(scene.found), scene.facts.leaf) is False:
        return f"{scene.facts.daemon_json}: {'.'.join(scene.facts.leaf)} is explicitly false: somebody decided that"
    return None


def _features(scene: Scene) -> str | None:
    features = scene.found.get("features")
    if features is not None and not isinstance(features, dict):
        return f"{scene.facts.daemon_json}: `features` must be an object"
    return None


def _feature_flag(scene: Scene) -> str | None:
    if command_line.value(scene.start.argv, "--feature") is None:
        return None
    return f"{scene.facts.layout.unit} passes --feature, so Docker refuses `features` in {scene.facts.daemon_json}"


def _live_restore(scene: Scene) -> str | None:
    running = scene.facts.engine.running
    if not scene.facts.engine.live_restore or not running:
        return None
    return f"live-restore is on: {running} running containers would go on without any engine that knows them"


def _swarm(scene: Scene) -> str | None:
    what = "this host manages a swarm: its tasks would be hidden, and the managers may lose their majority"
    return what if scene.facts.engine.manager else None


def _authorization(scene: Scene) -> str | None:
    named = ", ".join(scene.facts.engine.plugins)
    what = "decide about every call, and one that runs in a container would be hidden"
    return f"authorization plug-ins ({named}) {what}" if named else None


def _no_containerd(scene: Scene) -> str | None:
    return None if scene.containerd else f"{scene.facts.layout.unit} passes --containerd, and no socket is there"


def _marker(scene: Scene) -> str | None:
    """Find a sign that another program writes the file: a label, a feature's name, or a key of its own."""
    for key, value in scene.found.items():
        words = f"{key} {value}" if key in SPEAKING or isinstance(value, str) else key
        lower = words.lower()
        if any(hint in lower for hint in HINTS) and (found := re.search(json_read.MARKER, words, re.IGNORECASE)):
            return f"{scene.facts.daemon_json}: {found.group()!r} in {key}: configuration management writes this file"
    return scene.maker or None


def _other_engine(scene: Scene) -> str | None:
    answers, pids = scene.facts.daemon, [p.pid for p in scene.daemons]
    if answers is None or answers == scene.start.main or scene.start.main not in pids:
        return None
    return f"the engine that answers is process {answers}, and {scene.facts.layout.unit} is process {scene.start.main}"


def _shared(scene: Scene) -> str | None:
    for other in scene.daemons:
        if (
            other.pid not in (scene.facts.daemon, scene.start.main)
            and running.config_file(other.argv, managers.ROOT) == scene.facts.daemon_json
        ):
            return f"another dockerd (process {other.pid}) reads {scene.facts.daemon_json}, too"
    return None


def _moved(scene: Scene) -> str | None:
    """Find a daemon that reads one file now and will read another at its next start."""
    then = running.config_file(scene.start.argv, scene.facts.layout)
    if then == scene.facts.daemon_json:
        return None
    return f"the daemon reads {scene.facts.daemon_json} now, and {then} at its next start"


CONFLICTS = (
    Conflict("explicit-false", _false, "take it out of there when that no longer holds"),
    Conflict("features-no-object", _features, "dockerd would refuse it, too; put it right"),
    Conflict("feature-flag", _feature_flag, "set the feature there: --feature containerd-snapshotter"),
    Conflict("graph-driver", _driver, "take it away first; the containerd store chooses overlayfs by itself"),
    Conflict(
        "no-snapshotter", _snapshotter, "see `ctr plugins list` and containerd's config.toml, then restart containerd"
    ),
    Conflict(
        "userns-remap",
        _setting("userns-remap", "--userns-remap"),
        "take it away, or say image_store: {backend: unmanaged}",
    ),
    Conflict(
        "swarm-manager", _swarm, "demote it and leave the swarm first (docker swarm leave), and let it join again after"
    ),
    Conflict(
        "authorization-plugins",
        _authorization,
        "take authorization-plugins away for the switch, and put it back after it",
    ),
    Conflict(
        "live-restore", _live_restore, "stop them first: docker stop $(docker ps -q); the builder is started again"
    ),
    Conflict("no-containerd", _no_containerd, "systemctl start containerd"),
    Conflict(
        "managed-file",
        _marker,
        "set it there, where the file is made; provisioner then finds nothing to do",
        store=False,
    ),
    Conflict(
        "other-engine", _other_engine, "stop one of them, or say with DOCKER_HOST which one is meant", store=False
    ),
    Conflict("shared-file", _shared, "give each its own --config-file", store=False),
    Conflict("moved-file", _moved, "restart it by hand first, so that one file counts", store=False),
)
