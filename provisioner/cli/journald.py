"""Structured entries in systemd's journal: one for each event, identified by its message ID.

systemd/provisioner.catalog has the explanations that ``journalctl -x`` shows.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from provisioner import libraries


class Event(NamedTuple):
    """An event's MESSAGE_ID and syslog priority: 3 error, 4 warning, 5 notice, 6 information."""

    message_id: str
    priority: int


MISSING = "systemd-python (python3-systemd) is not installed"
EVENTS = {
    "drift found": Event("4dc81b7ffeee4fc6966a363fa81a7a5d", 4),
    "drift gone": Event("439b63ae5eae44e093689dd151400ea4", 5),
    "check failed": Event("b7f0c2f2a1d94d2e8c5a4f7f5f0f6f11", 3),
    "check works again": Event("1c9d0b7f6f7b4a6f9c1b8f3b2f6b5d72", 5),
    "apply cut off": Event("522844f9a03143bd824d0b65a8945bdf", 3),
    "cut-off apply undone": Event("74da632565304c3f9018a64621602166", 5),
    "applied": Event("77573e53f69e4bee9d7fc842660b2ee7", 5),
    "blocked": Event("f6e66d982fdc4a668f119a21dc800c31", 4),
    "held": Event("2dcd0f6c9e7245f8a17dfb04ccd8cd13", 4),
    "rolled back": Event("4b4247448ba146dcb4449ef9c0ad4a65", 4),
    "rollback failed": Event("a8b05907453c466f9bafa6815a3c6c86", 3),
}


def record(event: str, message: str, notice: Callable[[str], None], **fields: str) -> None:
    """Write an entry. If that fails, print the message and the reason on stderr."""
    libraries.find()
    try:
        _send(event, message, fields)
    except ImportError:
        notice(f"{event}: {message.splitlines()[0]} (no entry in the journal: {MISSING})")
    except OSError as e:
        notice(f"{event}: {message.splitlines()[0]} (no entry in the journal: {e.strerror})")


def status(line: str) -> None:
    """Set the status line that ``systemctl status`` shows for a unit. Does nothing without the systemd library."""
    libraries.find()
    with contextlib.suppress(ImportError, OSError):
        from systemd import daemon

        daemon.notify(f"STATUS={line.splitlines()[0] if line else ''}")


def _send(event: str, message: str, fields: Mapping[str, str]) -> None:
    from systemd import journal  # takes 15 ms to import, and does not exist on macOS and musl

    row = EVENTS[event]
    journal.send(
        f"{event}: {message}",
        MESSAGE_ID=row.message_id,
        PRIORITY=str(row.priority),
        SYSLOG_IDENTIFIER="provisioner",
        **{f"PROVISIONER_{k.upper()}": v for k, v in {"event": event, **fields}.items()},
    )
