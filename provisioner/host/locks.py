"""A lock file: one run at a time, and which process has it. The lock goes with the process, however that ends."""

import contextlib
import importlib
import os
from collections.abc import Iterator

from provisioner.errors import BusyError
from provisioner.host.files import opened, status
from provisioner.host.paths import Place

BEHIND = 1 << 20  # bytes; Windows lets nobody read what is locked
LOCKS = "/proc/locks"


@contextlib.contextmanager
def acquired(place: Place) -> Iterator[None]:
    """Have the lock of a file while the block runs. BusyError: another run has it."""
    with opened(place, os.O_RDWR | os.O_CREAT) as fd:
        if not taken(fd):
            raise busy(_written(fd))
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        yield


def busy(pid: str) -> BusyError:
    """The error for a lock that another run has."""
    hint = "wait until it has ended, then run the same command again"
    return BusyError(f"another provisioner (process {pid}) is changing this host", hint=hint)


def holder(place: Place) -> int | None:
    """The process that has the lock of a file, as the kernel's list says; None: none, or it has not said so yet.

    Nothing is locked to find out: a run that begins at that moment would be refused. A device's number in the list is
    not always the one that stat(2) gives, so the process's number, which the run has written into the file, counts.
    """
    if status(place) is None:
        return None
    with opened(place, os.O_RDONLY) as fd, open(LOCKS) as locks:
        pid, inode = _written(fd), os.fstat(fd).st_ino
        rows = (line.split() for line in locks)
        held = any("FLOCK" in row and pid in row and any(w.endswith(f":{inode}") for w in row) for row in rows)
        return int(pid) if held and pid.isdigit() else None


def taken(fd: int) -> bool:
    """Take the lock of an open file or folder if nobody else has it."""
    try:
        import fcntl
    except ImportError:
        return _taken_on_windows(fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken_on_windows(fd: int) -> bool:
    windows = importlib.import_module("msvcrt")
    os.lseek(fd, BEHIND, os.SEEK_SET)
    try:
        windows.locking(fd, windows.LK_NBLCK, 1)
    except OSError:
        return False
    finally:
        os.lseek(fd, 0, os.SEEK_SET)
    return True


def _written(fd: int) -> str:
    os.lseek(fd, 0, os.SEEK_SET)
    return os.read(fd, 20).decode(errors="replace").strip() or "unknown"
