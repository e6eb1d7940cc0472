"""Find out who started a process, and when, with psutil. Without psutil, the answer is unknown."""

import contextlib
import time

from provisioner import libraries
from provisioner.host import identity

NOBODY = (0, 2**32 - 1)  # the login of root's own session, and of no session at all, such as a unit's


def started(pid: int, proc: str) -> str:
    """Return who started a process and when, such as ``by ci since 14:03``; with sudo, ``by ann as root since 14:03``.

    ``proc`` is the path of the host's /proc.

    Returns: an empty text if psutil is not installed, or if the process cannot be examined.
    """
    libraries.find()
    try:
        import psutil
    except ImportError:
        return ""
    psutil.PROCFS_PATH = proc
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            began = time.localtime(process.create_time())
            today = began.tm_yday == time.localtime().tm_yday and time.time() - process.create_time() < 86400
            who = " as ".join(dict.fromkeys((*_login(pid, proc), process.username())))
            return f"by {who} since {time.strftime('%H:%M' if today else '%Y-%m-%d %H:%M', began)}"
    except (psutil.Error, OSError, ValueError, IndexError, KeyError):
        return ""


def _login(pid: int, proc: str) -> tuple[str, ...]:
    """Return who logged in before sudo or su started a process, as the kernel remembers it; nothing if unknown."""
    with contextlib.suppress(OSError, ValueError), open(f"{proc}/{pid}/loginuid") as file:
        uid = int(file.read())
        return () if uid in NOBODY else (identity.name(uid),)
    return ()
