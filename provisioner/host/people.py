"""Find out who started a process, and when, with psutil. Without psutil, the answer is unknown."""

import time

from provisioner import libraries


def started(pid: int, proc: str) -> str:
    """Return who started a process and when, such as ``by ci since 14:03``.

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
            return f"by {process.username()} since {time.strftime('%H:%M' if today else '%Y-%m-%d %H:%M', began)}"
    except (psutil.Error, OSError, ValueError, IndexError, KeyError):
        return ""
