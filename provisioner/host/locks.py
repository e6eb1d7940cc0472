"""A lock file allows one run at a time and names its process. The kernel releases the lock when the process ends."""

import contextlib
import importlib
import os
from collections.abc import Iterator

from provisioner.errors import BusyError
from provisioner.host.files import opened, status
from provisioner.host.paths import Place

BEHIND = 1 << 20  # the locked offset in bytes; on Windows, nobody can read locked bytes
LOCKS = "/proc/locks"


@contextlib.contextmanager
def acquired(place: Place) -> Iterator[None]:
    """Hold the lock of a file while the block runs.

    Raises: BusyError if another run holds it.
    """
    with opened(place, os.O_RDWR | os.O_CREAT) as fd:
        if not taken(fd):
            pid = _written(fd)
            raise busy(pid, sure=_holds(fd, pid))
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        yield


def busy(pid: str, *, sure: bool = True) -> BusyError:
    """Return the error for a lock that another run holds: with who started that run, and when, if psutil knows it.

    ``sure``: the number is not that of an earlier run, or of a container's own count. It may be another process here.
    """
    from provisioner.host import people  # only the second of two runs asks

    started = people.started(int(pid), "/proc") if sure and pid.isdecimal() else ""
    who = ", ".join(filter(None, (f"process {pid}", started)))
    hint = "wait until it has ended, then run the same command again"
    return BusyError(f"another provisioner ({who}) is changing this host", hint=hint)


def holder(place: Place) -> int | None:
    """Return the process that holds the lock of a file, according to the kernel's list.

    This takes no lock, because a run that starts at that moment would fail. The device number in the kernel's list can
    differ from that of stat(2). So the process ID that the run wrote into the file must match as well.

    Returns: None if no process holds the lock, or if the process has not yet written its ID.
    """
    if status(place) is None:
        return None
    with opened(place, os.O_RDONLY) as fd:
        pid = _written(fd)
        return int(pid) if pid.isdigit() and _listed(fd, pid) else None


def _holds(fd: int, pid: str) -> bool:
    """Return whether a process holds a lock, as far as the system tells. Only Linux lists its locks."""
    try:
        return _listed(fd, pid)
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _listed(fd: int, pid: str) -> bool:
    """Return whether the kernel lists a process as the holder of the lock of an open file."""
    inode = os.fstat(fd).st_ino
    with open(LOCKS) as locks:
        rows = (line.split() for line in locks)
        return any("FLOCK" in row and pid in row and any(w.endswith(f":{inode}") for w in row) for row in rows)


def taken(fd: int) -> bool:
    """Take the lock of an open file or folder. Return False if another process holds it."""
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
