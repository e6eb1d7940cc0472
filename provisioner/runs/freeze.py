"""A hold: applies (never checks) stop on this host until a time, for a reason that every check repeats.

``/etc/provisioner/hold.json``: everybody may read it, so that a check without root knows of it, too.
"""

import json
import time

from provisioner.errors import HoldError, UsageError
from provisioner.host import System
from provisioner.model import Reader
from provisioner.typed import NamedTuple

FOLDER = "/etc/provisioner"
PATH = f"{FOLDER}/hold.json"
LONGEST = 366 * 86400  # seconds; a hold for ever is a host that nobody provisions


class Hold(NamedTuple):
    """``until`` and ``since`` are RFC 3339 in UTC with whole seconds, which sort as text; ``by`` is a user's name."""

    reason: str
    until: str
    since: str
    by: str


def read(host: Reader, now: str) -> Hold | None:
    """The hold that is on at ``now``; None: none, or it has expired. A file that is no hold still holds."""
    text = host.read(PATH)
    if text is None:
        return None
    found = _whole(text) or Hold(f"{PATH} cannot be read", "9999-12-31T23:59:59Z", now, "unknown")
    return found if now < found.until else None


def _whole(text: str) -> Hold | None:
    """The hold that a file holds; None: it is none that can be told of, or that could end."""
    try:
        fields: dict[str, object] = json.loads(text)
        for name in ("until", "since"):
            time.strptime(str(fields[name]), "%Y-%m-%dT%H:%M:%SZ")
        return Hold(**{name: str(value) for name, value in fields.items()})
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def refuse(host: Reader, now: str) -> None:
    """HoldError while a hold is on."""
    if found := read(host, now):
        hint = "wait, or end it: provisioner release"
        raise HoldError(f"applies are held on this host until {found.until}: {found.reason} ({found.by})", hint=hint)


def put(system: System, reason: str, until: str) -> Hold:
    """Hold applies. UsageError: no reason, or ``until`` is no time to come."""
    if not reason.strip():
        raise UsageError("a hold needs a reason", hint="say why, for whoever meets it: --reason 'release week'")
    now = system.now()
    found = Hold(" ".join(reason.split()), moment(until, now), now, system.environ.get("SUDO_USER") or "root")
    system.make_directory(FOLDER, 0o755)
    system.write(PATH, json.dumps(found._asdict()) + "\n", 0o644)
    return found


def release(system: System) -> Hold | None:
    """End the hold; the one that was on, None: none was."""
    found = read(system, system.now())
    system.remove(PATH)
    return found


def moment(text: str, now: str) -> str:
    """``8h``, ``2d``, ``2026-12-01`` (its beginning, UTC), ``2026-12-01T08:00+01:00`` as RFC 3339 in UTC."""
    from datetime import UTC, datetime, timedelta  # no check needs them

    from provisioner.text import durations

    hint = "for example 8h, 2d, 2026-12-01 or 2026-12-01T08:00Z"
    start = datetime.fromisoformat(now)
    try:
        if length := durations.seconds(text):
            end = start + timedelta(seconds=length)
        else:
            end = datetime.fromisoformat(text)
            end = end.replace(tzinfo=UTC) if end.tzinfo is None else end.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time", hint=hint) from None
    if not start < end <= start + timedelta(seconds=LONGEST):
        raise UsageError(f"{text!r} is not within the next year", hint=hint)
    return end.strftime("%Y-%m-%dT%H:%M:%SZ")
