"""Open and read plain files. A pipe would keep us waiting, a device never end: who made one has laid a trap."""

import os
import stat

from provisioner.errors import ProvisionerError

# a pipe must not keep us waiting, nor a terminal become ours; not to be had on Windows
WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
BINARY = getattr(os, "O_BINARY", 0)
BLOCK = 1 << 16  # bytes that are read at once from what does not say how much it has
LIMIT = 256 << 20  # bytes; a program is the largest file that is read whole
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
    """What something is that is no file."""
    return next((words for test, words in KINDS if test(found.st_mode)), "something else")


def read(at: str, path: str, size: int, limit: int = LIMIT) -> bytes:
    """The first bytes of a file, all of it for -1; of a mask, a link to /dev/null, none.

    Raises:
        ProvisionerError: it is no file, or larger than ``limit``.
        OSError: it is not there, or may not be read.
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
    """The first bytes of an open file, all for -1. ProvisionerError: it is larger than ``limit``."""
    wanted = limit + 1 if size < 0 else size
    data = os.read(file, min(wanted, max(BLOCK, os.fstat(file).st_size + 1)))
    while 0 < len(data) < wanted and (more := os.read(file, min(wanted - len(data), max(BLOCK, len(data))))):
        data += more
    if size < 0 and len(data) > limit:
        raise ProvisionerError(f"{path}: it is larger than {limit >> 20} MiB", hint=AWAY)
    return data
