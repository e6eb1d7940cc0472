"""What is said while a command works: on stderr, and to systemd's journal."""

import contextlib
import sys
from collections.abc import Callable

from provisioner import secrets
from provisioner.text.terminal import printable
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.config.desired import Desired
    from provisioner.engine.facts import Facts
    from provisioner.model import Reader


FOLLOWERS: list[Callable[[str], None]] = []  # who else hears each line: systemd, while a unit runs us


def say(line: str) -> None:
    """A line of the conversation. One that begins with a carriage return is progress, for a terminal alone.

    That nobody listens any more is no failure: an apply, or the undo of one, goes on.
    """
    progress = line.startswith("\r")
    said = printable(secrets.text(line.removeprefix("\r")), keep="\n\t")
    for tell_too in FOLLOWERS:
        tell_too(said)
    with contextlib.suppress(OSError):
        if not sys.stderr.isatty():
            print("" if progress else f"{said}\n", end="", file=sys.stderr, flush=True)
        elif progress:
            print(f"\r{said}\033[K", end="", file=sys.stderr, flush=True)
        else:
            print(f"\r\033[K{said}", file=sys.stderr, flush=True)


def complain(error: BaseException) -> None:
    """The traceback of a bug, for whoever asked to see it."""
    import traceback

    for line in traceback.format_exception(error):
        say(line.rstrip())


def tell(host: "Reader", wanted: "Desired", seen: "Facts") -> None:
    """Say which of the wanted platforms are never run here, and which engine sudo has hidden from us."""
    from provisioner.emulators.wanted import told

    if "SUDO_USER" in host.environ:
        from provisioner.engine import sudo

        if hidden := sudo.lost(host, seen.endpoint.host, seen.endpoint.source):
            say(f"note: {hidden}")
    for sentence in (*told(wanted, seen), *_people(host, wanted, seen)):
        say(f"note: {sentence}")


def _people(host: "Reader", wanted: "Desired", seen: "Facts") -> "tuple[str, ...]":
    from provisioner.engine import people

    return tuple(people.told(host, wanted.builder.users, seen.socket))


def record(event: str, message: str, **fields: str) -> None:
    """An entry in systemd's journal, one of ``log.EVENTS``."""
    from provisioner.cli import journald

    journald.record(event, secrets.text(message), say, **fields)
