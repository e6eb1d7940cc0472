"""A hold stops applies, but not checks, on this host until a given time. Every check repeats the reason.

Everybody may read ``/etc/provisioner/hold.json``, so that a check without root sees the hold, too.
"""

import time

from provisioner.engine import people
from provisioner.errors import HoldError, UsageError
from provisioner.host import System
from provisioner.model import Reader
from provisioner.text import plain_json
from provisioner.typed import NamedTuple

FOLDER = "/etc/provisioner"
PATH = f"{FOLDER}/hold.json"
LONGEST = 366 * 86400  # seconds; nobody would provision a host with an endless hold
FORM = "%Y-%m-%dT%H:%M:%SZ"


class Hold(NamedTuple):
    """A hold on applies.

    ``until`` and ``since`` are RFC 3339 in UTC with whole seconds, which sort as text. ``by`` is a user name.
    """

    reason: str
    until: str
    since: str
    by: str


def read(host: Reader, now: str) -> Hold | None:
    """Return the hold that is active at ``now``, or None. An unreadable hold file counts as a hold."""
    text = host.read(PATH)
    if text is None:
        return None
    found = _whole(text) or Hold(f"{PATH} cannot be read", "9999-12-31T23:59:59Z", now, "unknown")
    return found if now < found.until else None


def _whole(text: str) -> Hold | None:
    """Parse a hold file. None means that it is not a valid hold, or that its times cannot be compared."""
    try:
        fields: dict[str, object] = plain_json.loads(text)
        if not all(_comparable(str(fields[name])) for name in ("until", "since")):
            return None
        return Hold(**{name: str(value) for name, value in fields.items()})
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _comparable(moment: str) -> bool:
    """Whether a time has the form whose texts sort as the times do. ``strptime`` alone also accepts 2026-1-1."""
    return time.strftime(FORM, time.strptime(moment, FORM)) == moment


def refuse(host: Reader, now: str) -> None:
    """Raise HoldError while a hold is active."""
    if found := read(host, now):
        hint = "wait, or end it: provisioner release"
        raise HoldError(f"applies are held on this host until {found.until}: {found.reason} ({found.by})", hint=hint)


def put(system: System, reason: str, until: str) -> Hold:
    """Put applies on hold until ``until``.

    Raises: UsageError if the reason is empty, or if ``until`` is not a time within the next year.
    """
    if not reason.strip():
        raise UsageError(
            "a hold needs a reason", hint="give a reason that other people will see: --reason 'release week'"
        )
    now = system.now()
    found = Hold(" ".join(reason.split()), moment(until, now), now, people.asker(system) or "root")
    system.make_directory(FOLDER, 0o755)
    system.write(PATH, plain_json.dumps(found._asdict()) + "\n", 0o644)
    return found


def release(system: System) -> Hold | None:
    """End the hold. Return the hold that was active, or None."""
    found = read(system, system.now())
    system.remove(PATH)
    return found


def moment(text: str, now: str) -> str:
    """Convert ``8h``, ``2d``, ``2026-12-01`` (00:00 UTC) or ``2026-12-01T08:00+01:00`` to RFC 3339 in UTC.

    Raises: UsageError if the text is not a time, or not within the next year.
    """
    from datetime import UTC, datetime, timedelta  # imported here because a check does not need them

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
        raise UsageError(f"{text!r} is not a time", hint=hint) from None
    if not start < end <= start + timedelta(seconds=LONGEST):
        raise UsageError(f"{text!r} is not within the next year", hint=hint)
    return end.strftime("%Y-%m-%dT%H:%M:%SZ")
