"""End a program with all that it has started when we are killed: what goes on alone would change the host meanwhile.

The kernel tells a child, and no grandchild, that its parent has died. So between us and the program there is a keeper,
which does nothing but wait. What the program has started and left to itself, a daemon that is meant to stay, is spared:
the keeper ends the program's children, their children and so on, as they are related at that moment.
"""

import contextlib
import ctypes
import os
import signal
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_WOKEN = (signal.SIGCHLD, signal.SIGUSR1) if hasattr(signal, "SIGUSR1") else ()  # Windows has neither


def leave(agent: int) -> None:
    """In the child of ``agent``, before it becomes a program: leave a keeper behind and go on as its child.

    No signal stays blocked there: a daemon that an undo starts would hand that down to containers.
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
    """Wait for the program, and end as it did; or for the agent's death, and end the program's family."""
    try:
        os.closerange(0, os.sysconf("SC_OPEN_MAX"))  # whoever reads what the program says waits for its end alone
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
    """A process, its children and theirs, each stopped before its children are looked for, so that no new ones come."""
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
