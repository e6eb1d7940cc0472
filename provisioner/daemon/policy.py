"""When the daemon may be restarted: never, always, if nothing of somebody else's runs; and in which hours."""

from collections.abc import Mapping
from typing import Any

from provisioner.config.desired import DAYS, Desired, Window
from provisioner.engine import processes
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError
from provisioner.model import Reader
from provisioner.steps import Obstacle
from provisioner.text import durations

CLIENTS = ("docker-buildx", "docker-compose", "buildctl")
BUILDS = frozenset(("build", "bake", "--build"))  # the last of them: compose up


def obstacle(host: Reader, facts: Facts, desired: Desired) -> Obstacle | None:
    """Why the daemon may not be restarted now; None: it may."""
    rule = desired.restart
    if rule.policy == "never":
        hint = "say restart: if-idle, or `apply --restart always`"
        return Obstacle("restart-never", "the daemon must be restarted, and restart is never", hint)
    if rule.window is not None and not is_open(rule.window, host.now()):
        when = f"{', '.join(rule.window.days)} from {rule.window.start} for {rule.window.length}"
        hint = "apply again then, or `apply --restart always` now"
        message = f"the daemon must be restarted, and the window for that is closed ({when}, {zone(rule.window)})"
        return Obstacle("restart-window", message, hint)
    if rule.policy == "if-idle":
        if names := sorted(name(c) for c in others(host, facts, desired) if c.get("State") == "running"):
            return _busy(f"{', '.join(names[:5])}{' and more' if names[5:] else ''} run", "stop them", len(names))
        if build := building(host):
            return _busy(f"a build is running ({build})", "let it end")
    return None


def _busy(what: str, cure: str, containers: int = 0) -> Obstacle:
    message, numbers = f"the daemon must be restarted while {what}", (("containers", containers),)
    return Obstacle("restart-busy", message, f"{cure}, or say restart: always", numbers)


def others(host: Reader, facts: Facts, desired: Desired) -> list[Mapping[str, Any]]:
    """The containers, running or not, that are not our builder's."""
    ours = f"/buildx_buildkit_{desired.builder.name}"
    containers = host.get(facts.socket, "/containers/json?all=1") or ()
    return [c for c in containers if not any(n.startswith(ours) for n in c.get("Names") or ())]


def name(container: Mapping[str, Any]) -> str:
    """What a person calls a container."""
    return str((container.get("Names") or [container["Id"][:12]])[0]).lstrip("/")


def building(host: Reader) -> str | None:
    """A build that runs on this host: a client that waits for one, or a step of one; None: none.

    No engine says whether it builds. A client's process is there from the first byte of the context on; a ``RUN`` of a
    client elsewhere is a runc of BuildKit's.
    """
    for process in processes.every(host):
        program, words = process.program, process.argv
        if (program in CLIENTS and BUILDS & set(words)) or (program == "docker" and "build" in words[1:3]):
            return f"process {process.pid}, {program}"
        if program in ("runc", "buildkit-runc") and any("buildkit" in w or "executor" in w for w in words):
            return f"process {process.pid}, a RUN"
    return None


def is_open(window: Window, now: str) -> bool:
    """Whether a moment (RFC 3339, UTC) lies in a window; one that began the day before may still be open."""
    from datetime import datetime, timedelta

    here = datetime.fromisoformat(now.replace("Z", "+00:00")).astimezone(_zone(window.zone))
    length = timedelta(seconds=durations.seconds(window.length) or 0)
    hour, minute = map(int, window.start.split(":"))
    for back in range(length.days + 2):
        start = (here - timedelta(days=back)).replace(hour=hour, minute=minute, second=0)
        if DAYS[start.weekday()] in window.days and start <= here < start + length:
            return True
    return False


def zone(window: Window) -> str:
    """The zone's name; that of the host where none is said."""
    return window.zone or "local time"


def _zone(zone: str) -> Any:
    """A time zone; None: the host's own. ConfigError: this host does not know it."""
    from datetime import UTC

    if not zone:
        return None
    if zone == "UTC":  # which a host without tzdata has, too
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        hint = "for example Europe/Berlin; apt-get install tzdata where that is not known"
        raise ConfigError(f"restart.window.zone: this host knows no time zone {zone!r}", hint=hint) from None
