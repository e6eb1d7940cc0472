"""Copy the attributes of a replaced file to the new file: owner, mode, access control list, labels."""

import contextlib
import errno
import os

ACL = "system.posix_acl_access"
# The kernel derives these attributes from the content, which is new.
OF_THE_CONTENT = ("security.capability", "security.evm", "security.ima")


def carry(old: int, new: int) -> None:
    """Copy the attributes of the file ``old`` to the file ``new``. Both are descriptors.

    Raises: OSError if the new file cannot get the same rights.
    """
    status = os.fstat(old)
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(new, status.st_uid, status.st_gid)
    os.fchmod(new, status.st_mode & 0o7777)
    if not hasattr(os, "listxattr"):  # macOS
        return
    names = _names(old)
    if ACL not in names and ACL in _names(new):  # inherited from the folder; the old file had none
        os.removexattr(new, ACL)
    for name in (n for n in names if n not in OF_THE_CONTENT):
        rights = name == ACL or name.startswith("user.")
        with contextlib.nullcontext() if rights else contextlib.suppress(OSError):  # a security policy may forbid it
            os.setxattr(new, name, os.getxattr(old, name))


def _names(file: int) -> list[str]:
    try:
        return os.listxattr(file)
    except OSError as e:
        if e.errno in (errno.ENOTSUP, errno.ENOSYS):  # the file system has no attributes
            return []
        raise
