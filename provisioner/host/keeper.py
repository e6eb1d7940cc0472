"""Kill a program and its descendants when provisioner is killed, because they would otherwise keep changing the host.

The kernel signals a parent's death only to children, not to grandchildren. So a keeper process runs between provisioner
and the program, and only waits. When provisioner dies, the keeper kills the program, its children, their children and
so on, as they are related at that moment. A daemon that detached itself keeps running.
"""

import contextlib
import ctypes
import os
import signal
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_WOKEN = (signal.SIGCHLD, signal.SIGUSR1) if hasattr(signal, "SIGUSR1") else ()  # Windows has neither


def leave(agent: int) -> None:
    """Fork a keeper in the child of ``agent``, before it executes a program, and continue as the keeper's child.

    No signal stays blocked in the program: a daemon that an undo starts would pass the mask on to its containers.
    """
    libc = ctypes.CDLL(None)
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGUSR1)
    program = os.fork()
    if program:
        _keep(agent, program)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _keep(agent: int, program: int) -> NoReturn:
    """Wait for the program and exit with its status. If the agent dies first, kill the program and its descendants."""
    try:
        # Close all inherited pipes, so that a reader of the program's output waits only for the program.
        os.closerange(0, os.sysconf("SC_OPEN_MAX"))
        while os.getppid() == agent:
            ended, status = os.waitpid(program, os.WNOHANG)
            if ended:
                _end_like(os.waitstatus_to_exitcode(status))
            signal.sigwait(_WOKEN)
        for pid in family(program):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    finally:
        os._exit(1)


def _end_like(status: int) -> NoReturn:
    if status < 0:
        with contextlib.suppress(OSError, ValueError):  # SIGKILL has no handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os._exit(status if status >= 0 else 1)


def family(pid: int) -> list[int]:
    """Return a process and its descendants. Each is stopped before its children are listed, so no new ones appear."""
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGSTOP)
    return [pid, *(member for child in _children(pid) for member in family(child))]


def _children(pid: int) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
            if parent == pid:
                found.append(int(name))
    return found
