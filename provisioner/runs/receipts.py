"""Where the receipts of applies lie, and which runs have not ended: all that a check of a host in sync asks of them."""

import json
import os

from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.typed import Any

FAILED = "rollback failed"
UNCONFIRMED = "unconfirmed"


def folder(host: Reader) -> str:
    """The folder of the receipts."""
    return f"{host.state}/receipts"


def file(host: Reader, number: int) -> str:
    """The file of a receipt."""
    return f"{folder(host)}/{number:06}.jsonl"


def opened(host: Reader) -> str:
    """The file that is there as long as a boot would have to undo a run; it lists the numbers of such runs."""
    return f"{host.state}/open"


def listed(host: Reader) -> tuple[int, ...]:
    """The numbers of the runs that were begun, and of which nobody has said yet that they have ended."""
    words = (host.read(opened(host)) or "").split()
    return tuple(sorted({int(word) for word in words if word.isdigit()}))


def numbers(host: Reader) -> tuple[int, ...]:
    """The numbers of all receipts, oldest first."""
    return tuple(int(n[:-6]) for n in host.names(folder(host)) if n.endswith(".jsonl") and n[:-6].isdigit())


def lines(text: str) -> list[dict[str, Any]]:
    """What a receipt says, without a torn last line: what that announced was never begun."""
    return [line for line in map(_parse, text.splitlines()) if line]


def lock(host: Reader) -> str:
    """The file that one apply at a time may hold."""
    return f"{host.runtime}/lock"


def unended(host: Reader) -> int | None:
    """The number of a run that has not come to its end; None: none, or this user may not know."""
    try:
        cut = [n for n in listed(host) if cut_off(host.read(file(host, n)) or "")]
    except DeniedError:
        return None
    return cut[-1] if cut else None


def interrupted(host: Reader) -> int | None:
    """The number of a run that was cut off, for those who only look: it has not come to its end, and runs no more."""
    found = unended(host)
    return None if found is None or running(host) else found


def running(host: Reader) -> bool:
    """Whether a run holds the lock, as the kernel's list of locks has it: who tried the lock would be in its way."""
    try:
        held = host.stat(lock(host))
        listed = host.read("/proc/locks") if held else None
    except DeniedError:
        return False
    if not held or not listed:
        return False
    device, number = held.inode
    return f" {os.major(device):02x}:{os.minor(device):02x}:{number} " in listed


def cut_off(text: str) -> bool:
    """Whether a receipt is one of a run that was cut off in the middle."""
    begun = False
    for line in filter(None, map(_parse, reversed(text.splitlines()))):
        if line.get("event") == "end":
            return line.get("outcome") is None
        begun = True
    return begun


def _parse(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}  # torn: what it announces was never begun
    return found if isinstance(found, dict) else {}
