"""The time windows in which the daemon may be restarted."""

from typing import Any

from provisioner.config.desired import DAYS, Window
from provisioner.errors import ConfigError
from provisioner.text import durations


def is_open(window: Window, now: str) -> bool:
    """Whether a moment (RFC 3339, UTC) is in a window. A window that began the day before may still be open."""
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
    """Return the name of the window's time zone, or ``local time`` if it has none."""
    return window.zone or "local time"


def _zone(zone: str) -> Any:
    """Return a time zone, or None for the host's own.

    Raises: ConfigError if this host does not know the zone.
    """
    from datetime import UTC

    if not zone:
        return None
    if zone == "UTC":  # a host without tzdata knows UTC too
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        hint = "for example Europe/Berlin; apt-get install tzdata where that is not known"
        raise ConfigError(f"restart.window.zone: this host knows no time zone {zone!r}", hint=hint) from None
