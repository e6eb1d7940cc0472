"""The hours in which the daemon may be restarted."""

from typing import Any

from provisioner.config.desired import DAYS, Window
from provisioner.errors import ConfigError
from provisioner.text import durations


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
