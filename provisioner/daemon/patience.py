"""How long a restart of the daemon may take: by its unit's own limits, its last start, and its containers.

systemd's docker.service gives 90 s for stopping alone, and sets no limit to a start.
"""

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from provisioner.daemon import start_line
from provisioner.daemon.managers import Manager
from provisioner.engine.kinds import Layout
from provisioner.errors import ProvisionerError

if TYPE_CHECKING:
    from provisioner.host import System

MARGIN = 15  # seconds beside what is known
TIMES = 3  # a start may take so many times as long as the last one
UNLIMITED = 900  # seconds for a start that has no limit, while systemd says that it goes on
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


class Patience(NamedTuple):
    """Seconds that a restart has, and the longest while systemd says that the unit still stops or starts."""

    seconds: int
    longest: int


def of(system: "System", manager: Manager, layout: Layout, socket: str, least: int) -> Patience:
    """What to expect of a restart that begins now."""
    stopping = _stop_timeout(system, socket)
    if not manager.control:
        seconds = max(least, math.ceil(stopping) + MARGIN)
        return Patience(seconds, seconds)
    names = ("TimeoutStartUSec", "TimeoutStopUSec", "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    shown = start_line.properties(system, layout, *names)
    began, ended = (int(shown.get(name) or 0) for name in names[2:])
    took = max(0.0, (ended - began) / 1e6)
    seconds = max(least, math.ceil(stopping + TIMES * took) + MARGIN)
    start, stop = (span(shown.get(name, "")) for name in names[:2])
    longest = (stop or stopping) + (start or UNLIMITED) + MARGIN
    return Patience(seconds, max(seconds, math.ceil(longest)))


def span(text: str) -> float:
    """Seconds of a time span as ``systemctl show`` prints it, ``1min 30s``; 0: there is no limit."""
    return sum(float(number) * UNITS.get(unit, 0.0) for number, unit in re.findall(r"([0-9.]+)([a-z]+)", text))


def _stop_timeout(system: "System", socket: str) -> float:
    """The longest time that a running container has to stop."""
    longest = 0.0
    try:
        for container in system.get(socket, "/containers/json") or ():
            found = system.get(socket, f"/containers/{container['Id']}/json") or {}
            longest = max(longest, float((found.get("Config") or {}).get("StopTimeout") or 0))
    except (ProvisionerError, ValueError, TypeError, KeyError):
        return longest  # an engine that does not answer is restarted all the same
    return longest
