"""Run the host's own programs and wait for their end."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial

from provisioner import secrets
from provisioner.errors import CommandError
from provisioner.host import keeper, talking
from provisioner.model import Account, Ran

ASKING = tuple(s for s in signal.Signals if s.name in ("SIGHUP", "SIGINT", "SIGTERM"))  # requests to stop
POSIX, LINUX = hasattr(os, "killpg"), hasattr(os, "memfd_create")
LEFT: list["subprocess.Popen[bytes]"] = []  # programs that were started to stay
RUNNING: list["subprocess.Popen[bytes]"] = []  # programs of the blocks that are not left yet


@contextlib.contextmanager
def meanwhile(
    argv: tuple[str, ...],
    program: str,
    environment: dict[str, str],
    timeout: float,
    account: Account | None = None,
    heard: Callable[[str], None] | None = None,
    *,
    tied: bool = False,
) -> Iterator[Callable[[str], Ran]]:
    """Run a program while a block runs. The block gets a function that waits for the program's end.

    If the block ends without having waited, the program's whole session is killed. ``timeout`` counts from the start.
    """
    deadline = time.monotonic() + timeout
    with _started(argv, program, environment, account, tied=tied) as process:

        def wait(text: str = "") -> Ran:
            data, left = text.encode("utf-8", "surrogateescape"), max(1.0, deadline - time.monotonic())
            try:
                if heard and POSIX:  # Windows cannot wait for several pipes at once
                    out, err = talking.talk(process, data, left, heard)
                else:
                    out, err = process.communicate(data, left)
            except subprocess.TimeoutExpired:
                raise CommandError(f"`{' '.join(map(secrets.word, argv))}` did not end within {timeout} s") from None
            said, complaint = (b.decode("utf-8", "surrogateescape") for b in (out, err))
            return Ran(process.returncode, said, complaint)

        yield wait


@contextlib.contextmanager
def _started(
    argv: tuple[str, ...], program: str, environment: dict[str, str], account: Account | None, *, tied: bool
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a program, and end it with its session when the block ends.

    The child switches to ``account`` permanently before it executes anything. With ``tied``, the program and its
    descendants end when provisioner is killed (``keeper``). Signals that arrive during the start are handled once the
    program's ID is known, so that this also works for a program that has just started.
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
        RUNNING.append(process)
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        yield process
    except OSError as e:
        if process is not None:
            raise
        hint = f"look at the file: file {program}"  # another CPU's program, or a script whose interpreter is missing
        raise CommandError(f"{program} does not start: {e.strerror}", hint=hint) from None
    except ValueError as e:  # a word that no program can get: it contains a NUL
        if process is not None:
            raise
        raise CommandError(f"{program} does not start: {e}", hint="take that character out") from None
    finally:
        if process is not None:
            _end(process)
            RUNNING.remove(process)
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def launch(argv: tuple[str, ...], program: str, environment: dict[str, str], patience: int) -> Ran:
    """Start a program that is meant to stay, and never end it. It shares no stream with us.

    Returns: its status if it ended within ``patience`` seconds, otherwise None as the status.
    """
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            (program, *argv[1:]),
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            env=environment,
            cwd="/",
            start_new_session=POSIX,
        )
    except OSError as e:
        return Ran(None, "", f"{program} does not start: {e.strerror}")
    LEFT.append(process)
    try:
        status = process.wait(patience)
    except subprocess.TimeoutExpired:
        return Ran(None, "", "")
    return Ran(status, "", f"{program} ended with status {status}" if status else "")


def end_all() -> None:
    """End every program whose block was interrupted where Python does not leave it, such as between two of them."""
    for process in RUNNING:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that a program and everything it started in its session have ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL) if POSIX else process.kill()
        process.wait()
    for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
        with contextlib.suppress(OSError):
            pipe.close()  # do not read to the end: a process that left the session may hold the pipe open forever
