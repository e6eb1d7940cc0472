"""What is said while a command works: on stderr, and to systemd's journal."""

import sys

from provisioner import mask
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.desired import Desired
    from provisioner.facts import Facts
    from provisioner.model import Reader


def say(line: str) -> None:
    """A line of the conversation. One that begins with a carriage return is progress, for a terminal alone."""
    line = mask.text(line)
    if not sys.stderr.isatty():
        if not line.startswith("\r"):
            print(line, file=sys.stderr, flush=True)
    elif line.startswith("\r"):
        print(f"{line}\033[K", end="", file=sys.stderr, flush=True)
    else:
        print(f"\r\033[K{line}", file=sys.stderr, flush=True)


def tell(host: "Reader", wanted: "Desired", seen: "Facts") -> None:
    """Say which of the wanted platforms are never run here, and which engine sudo has hidden from us."""
    from provisioner import emulated

    if "SUDO_USER" in host.environ:
        from provisioner import contexts

        if hidden := contexts.lost(host, seen.endpoint.host, seen.endpoint.source):
            say(f"note: {hidden}")
    for sentence in emulated.told(wanted, seen):
        say(f"note: {sentence}")


def record(event: str, message: str, **fields: str) -> None:
    """An entry in systemd's journal, one of ``log.EVENTS``."""
    from provisioner import log

    log.record(event, mask.text(message), say, **fields)
