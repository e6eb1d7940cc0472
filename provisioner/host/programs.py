"""Run the host's own programs to their end."""

import contextlib
import os
import signal
import subprocess
from functools import partial

from provisioner import secrets
from provisioner.errors import CommandError
from provisioner.host import keeper
from provisioner.model import Account, Ran

ASKING = tuple(s for s in signal.Signals if s.name in ("SIGHUP", "SIGINT", "SIGTERM"))  # what asks us to stop
POSIX, LINUX = hasattr(os, "killpg"), hasattr(os, "memfd_create")


def spawn(
    argv: tuple[str, ...],
    program: str,
    environment: dict[str, str],
    text: str,
    timeout: int,
    account: Account | None = None,
    *,
    tied: bool = False,
) -> Ran:
    """Run a program of the host's to its end, in a session of its own; killed with all that it started when late.

    The child becomes ``account`` for good before it executes anything. ``tied``: it ends with all that it has
    started when we are killed (``keeper``). So that this goes for one that we do not know of yet, too, a signal that
    comes while it is started is heard when we do.
    """
    process: subprocess.Popen[bytes] | None = None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKING) if tied and LINUX else None
    try:
        process = subprocess.Popen(
            (program, *argv[1:]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            start_new_session=POSIX,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=account.groups if account else None,
            preexec_fn=None if before is None else partial(keeper.leave, os.getpid()),
        )
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        out, err = process.communicate(text.encode("utf-8", "surrogateescape"), timeout)
    except subprocess.TimeoutExpired:
        raise CommandError(f"`{' '.join(map(secrets.word, argv))}` did not end within {timeout} s") from None
    finally:
        if process is not None:
            _end(process)
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    said, complaint = (b.decode("utf-8", "surrogateescape") for b in (out, err))
    return Ran(process.returncode, said, complaint)


def _end(process: subprocess.Popen[bytes]) -> None:
    """See that a program has ended, with all that it started in its session."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL) if POSIX else process.kill()
        process.wait()
    for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
        with contextlib.suppress(OSError):
            pipe.close()  # not read to its end: what has left the session may hold it open for ever
