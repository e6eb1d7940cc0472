"""How long a restart of the daemon may take, judged by its unit's limits, its last start, and its containers.

systemd's docker.service allows 90 s for stopping alone, and does not limit a start.
"""

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from provisioner.daemon import start_line
from provisioner.daemon.managers import Manager
from provisioner.engine.kinds import Layout
from provisioner.errors import ProvisionerError
from provisioner.text.tolerant import number

if TYPE_CHECKING:
    from provisioner.host import System

MARGIN = 15  # seconds added to the known times
TIMES = 3  # a start may take this many times as long as the last one
UNLIMITED = 900  # seconds for a start without a limit, as long as systemd reports progress
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


class Patience(NamedTuple):
    """Seconds that a restart may take, and the maximum while systemd reports that the unit still stops or starts."""

    seconds: int
    longest: int


def of(system: "System", manager: Manager, layout: Layout, socket: str, least: int) -> Patience:
    """Estimate the time for a restart that begins now."""
    stopping = _stop_timeout(system, socket)
    if not manager.control:
        seconds = max(least, math.ceil(stopping) + MARGIN)
        return Patience(seconds, seconds)
    names = ("TimeoutStartUSec", "TimeoutStopUSec", "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    shown = start_line.properties(system, layout, *names)
    began, ended = (number(shown.get(name, "")) or 0 for name in names[2:])
    took = max(0.0, (ended - began) / 1e6)
    seconds = max(least, math.ceil(stopping + TIMES * took) + MARGIN)
    start, stop = (span(shown.get(name, "")) for name in names[:2])
    longest = (stop or stopping) + (start or UNLIMITED) + MARGIN
    return Patience(seconds, max(seconds, math.ceil(longest)))


def span(text: str) -> float:
    """Parse a time span of ``systemctl show``, such as ``1min 30s``, into seconds. 0 means no limit."""
    return sum(float(number) * UNITS.get(unit, 0.0) for number, unit in re.findall(r"([0-9.]+)([a-z]+)", text))


def _stop_timeout(system: "System", socket: str) -> float:
    """Return the longest stop timeout of the running containers, in seconds."""
    longest = 0.0
    try:
        for container in system.get(socket, "/containers/json") or ():
            found = system.get(socket, f"/containers/{container['Id']}/json") or {}
            longest = max(longest, float((found.get("Config") or {}).get("StopTimeout") or 0))
    except (ProvisionerError, ValueError, TypeError, KeyError):
        return longest  # an engine that does not answer is restarted anyway
    return longest
