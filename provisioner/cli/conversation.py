"""Messages of a running command, on stderr and in systemd's journal."""

import contextlib
import sys
from collections.abc import Callable

from provisioner import secrets
from provisioner.text.terminal import printable
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.cli.live import Live
    from provisioner.config.desired import Desired
    from provisioner.engine.facts import Facts
    from provisioner.model import Reader


FOLLOWERS: list[Callable[[str], None]] = []  # also receive each line, for systemd's status
LIVE: "list[Live]" = []  # shows each line instead of printing it, on a terminal


def say(line: str) -> None:
    """Print a message on stderr.

    A closed stderr is not an error: an apply or a rollback continues.
    """
    from provisioner.text.messages import Progress  # a check of a host in sync says nothing

    progress = isinstance(line, Progress)
    said = printable(secrets.text(line), keep="\n\t")
    for tell_too in FOLLOWERS:
        tell_too(said)
    if LIVE:
        LIVE[0].say(said, type(line))
        return
    with contextlib.suppress(OSError):
        if not sys.stderr.isatty():
            print("" if progress else f"{said}\n", end="", file=sys.stderr, flush=True)
        elif progress:
            print(f"\r{said}\033[K", end="", file=sys.stderr, flush=True)
        else:
            print(f"\r\033[K{said}", file=sys.stderr, flush=True)


def complain(error: BaseException) -> None:
    """Print the traceback of a bug, for --verbose."""
    import traceback

    for line in traceback.format_exception(error):
        say(line.rstrip())


def tell(host: "Reader", wanted: "Desired", seen: "Facts") -> None:
    """Say which wanted platforms never run on this host, and which engine sudo hides from us."""
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
    """Write an entry to systemd's journal. ``event`` is one of ``journald.EVENTS``."""
    from provisioner.cli import journald

    journald.record(event, secrets.text(message), say, **fields)
