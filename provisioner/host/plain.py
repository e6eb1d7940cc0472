"""Open and read only regular files. A malicious pipe could block us, and a device could supply data without end."""

import os
import stat

from provisioner.errors import ProvisionerError

# Opening a pipe must not block, and a terminal must not become our controlling terminal. Windows lacks these flags.
WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
BINARY = getattr(os, "O_BINARY", 0)
BLOCK = 1 << 16  # bytes per read from a file that does not report its size
LIMIT = 256 << 20  # bytes; the largest file that is read whole is a program
AWAY = "see what it is, and move it away"
KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISLNK, "a link"),
)


def kind(found: os.stat_result) -> str:
    """Return the kind of a path that is not a regular file."""
    return next((words for test, words in KINDS if test(found.st_mode)), "something else")


def read(at: str, path: str, size: int, limit: int = LIMIT) -> bytes:
    """Return the first bytes of a file, or all of it if ``size`` is -1. A link to /dev/null is empty.

    Raises:
        ProvisionerError: it is not a regular file, or is larger than ``limit``.
        OSError: it does not exist, or this user may not read it.
    """
    file = os.open(at, os.O_RDONLY | WITHOUT_WAITING | BINARY)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            if stat.S_ISCHR(found.st_mode) and os.path.samestat(found, os.stat(os.devnull)):
                return b""
            raise ProvisionerError(f"{path} is {kind(found)}, not a file", hint=AWAY)
        return content(file, path, size, limit)
    finally:
        os.close(file)


def content(file: int, path: str, size: int, limit: int = LIMIT) -> bytes:
    """Return the first bytes of an open file, or all of it if ``size`` is -1.

    Raises: ProvisionerError if it is larger than ``limit``.
    """
    wanted = limit + 1 if size < 0 else size
    data = os.read(file, min(wanted, max(BLOCK, os.fstat(file).st_size + 1)))
    while 0 < len(data) < wanted and (more := os.read(file, min(wanted - len(data), max(BLOCK, len(data))))):
        data += more
    if size < 0 and len(data) > limit:
        raise ProvisionerError(f"{path}: it is larger than {limit >> 20} MiB", hint=AWAY)
    return data
