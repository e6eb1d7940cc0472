"""A lock file: one run at a time, and which process has it. The lock goes with the process, however that ends."""

import contextlib
import importlib
import os
from collections.abc import Iterator

from provisioner.errors import BusyError

FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)  # Windows has neither
BEHIND = 1 << 20  # bytes; Windows lets nobody read what is locked


@contextlib.contextmanager
def hold(path: str) -> Iterator[None]:
    """Hold a lock while the block runs. BusyError: another run holds it."""
    with _opened(path) as fd:
        if not _taken(fd):
            hint = "wait until it has ended, then run the same command again"
            raise BusyError(f"another provisioner (process {_written(fd)}) is changing this host", hint=hint)
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        yield


def holder(path: str) -> int | None:
    """The process that holds a lock; None: none does, or it has not said so yet."""
    with _opened(path) as fd:
        words = "" if _taken(fd) else _written(fd)
        return int(words) if words.isdigit() else None


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    fd = os.open(path, FLAGS, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def _taken(fd: int) -> bool:
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
