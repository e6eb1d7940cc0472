"""What a new file takes over from the one in whose place it comes: owner, mode, access control list, labels."""

import contextlib
import errno
import os

ACL = "system.posix_acl_access"
OF_THE_CONTENT = ("security.capability", "security.evm", "security.ima")  # the kernel's word on bytes that are gone


def carry(old: int, new: int) -> None:
    """Give the file behind ``new`` what the one behind ``old`` has. OSError: it cannot have the same rights."""
    status = os.fstat(old)
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(new, status.st_uid, status.st_gid)
    os.fchmod(new, status.st_mode & 0o7777)
    if not hasattr(os, "listxattr"):  # macOS
        return
    names = _names(old)
    if ACL not in names and ACL in _names(new):  # the folder's default, which the old file did not have
        os.removexattr(new, ACL)
    for name in (n for n in names if n not in OF_THE_CONTENT):
        rights = name == ACL or name.startswith("user.")
        with contextlib.nullcontext() if rights else contextlib.suppress(OSError):  # a label may be the policy's to set
            os.setxattr(new, name, os.getxattr(old, name))


def _names(file: int) -> list[str]:
    try:
        return os.listxattr(file)
    except OSError as e:
        if e.errno in (errno.ENOTSUP, errno.ENOSYS):  # a file system without any
            return []
        raise
