"""Try whether a file can be made in a folder, and leave nothing there."""

import errno
import os
import struct
import sys

# Why a file system or a policy lets no file be made. Other errors say that it knows no files without a name.
REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO)
BLOCK = 4096  # bytes of the smallest file, on most file systems
# FS_IOC_GETFLAGS and FS_APPEND_FL of linux/fs.h. These CPUs number the direction of a request differently.
OTHER_NUMBERS = ("alpha", "mips", "parisc", "ppc", "sparc")
APPEND_ONLY = 0x20


def refusal(folder: str) -> str:
    """Return why no file can be made in a folder, or replaced there. Empty if one can be, or if that is unknown."""
    if not (nameless := getattr(os, "O_TMPFILE", 0)):
        return ""
    try:
        file = os.open(folder, os.O_WRONLY | nameless | os.O_CLOEXEC, 0o600)
    except OSError as e:
        return e.strerror or "" if e.errno in REFUSALS else ""
    try:
        os.write(file, bytes(BLOCK))
    except OSError as e:
        return e.strerror or "it cannot be written"
    finally:
        os.close(file)
    return "the folder is append-only" if _append_only(folder) else ""


def _append_only(folder: str) -> bool:
    """Return whether a folder takes new names and gives up none, so that no file in it can be replaced."""
    import fcntl

    direction = 0x40000000 if os.uname().machine.startswith(OTHER_NUMBERS) else 0x80000000
    size = struct.calcsize("l")
    try:
        # Its owner may have put a pipe in its place, which nobody may wait for.
        there = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NONBLOCK)
    except OSError:  # a folder that may be written and not read
        return False
    try:
        answer = fcntl.ioctl(there, direction | size << 16 | ord("f") << 8 | 1, bytes(size))
    except OSError:  # the file system has no such flags
        return False
    finally:
        os.close(there)
    return bool(int.from_bytes(answer[:4], sys.byteorder) & APPEND_ONLY)
