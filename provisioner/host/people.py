"""Who has started a process, and when: psutil knows it on every system. Without psutil, nobody can tell."""

import time

from provisioner import libraries


def started(pid: int, proc: str) -> str:
    """``by ci since 14:03``; empty if psutil is not installed, or the process cannot be looked at.

    ``proc``: where the host's /proc lies.
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
            return f"by {process.username()} since {time.strftime('%H:%M' if today else '%Y-%m-%d %H:%M', began)}"
    except (psutil.Error, OSError, ValueError, IndexError, KeyError):
        return ""
