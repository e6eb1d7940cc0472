"""Find the receipts of applies and the runs that have not ended. A check of a host in sync needs no more."""

import os

from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.text.tolerant import mapping, number
from provisioner.typed import Any

FAILED = "rollback failed"
UNCONFIRMED = "unconfirmed"


def folder(host: Reader) -> str:
    """Return the directory of the receipts."""
    return f"{host.state}/receipts"


def file(host: Reader, number: int) -> str:
    """Return the path of a receipt."""
    return f"{folder(host)}/{number:06}.jsonl"


def opened(host: Reader) -> str:
    """Return the path of the file that lists unfinished runs. It exists while a boot would have to undo one."""
    return f"{host.state}/open"


def listed(host: Reader) -> tuple[int, ...]:
    """Return the numbers of the runs that started and are not marked as ended."""
    words = (host.read(opened(host)) or "").split()
    return tuple(sorted({found for word in words if (found := number(word)) is not None}))


def numbers(host: Reader) -> tuple[int, ...]:
    """Return the numbers of all receipts, oldest first."""
    named = (number(n[:-6]) for n in host.names(folder(host)) if n.endswith(".jsonl"))
    return tuple(found for found in named if found is not None)


def lines(text: str) -> list[dict[str, Any]]:
    """Parse the lines of a receipt. Skip a torn last line: what it announces never started."""
    return [line for line in map(_parse, text.splitlines()) if line]


def lock(host: Reader) -> str:
    """Return the path of the lock file. Only one apply at a time can hold it."""
    return f"{host.runtime}/lock"


def unended(host: Reader) -> int | None:
    """Return the number of a run that has not ended, or None if there is none or this user may not read it."""
    try:
        cut = [n for n in listed(host) if cut_off(host.read(file(host, n)) or "")]
    except DeniedError:
        return None
    return cut[-1] if cut else None


def interrupted(host: Reader) -> int | None:
    """Return the number of an interrupted run, or None. A run that is still in progress does not count."""
    found = unended(host)
    return None if found is None or running(host) else found


def running(host: Reader) -> bool:
    """Return whether a run holds the lock.

    This reads the kernel's list of locks, because trying to take the lock could block another run.
    """
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
    """Return whether a receipt's text belongs to an interrupted run."""
    begun = False
    for line in filter(None, map(_parse, reversed(text.splitlines()))):
        if line.get("event") == "end":
            return line.get("outcome") is None
        begun = True
    return begun


def _parse(line: str) -> dict[str, Any]:
    return mapping(line)  # empty for a torn line: what it announces never started
