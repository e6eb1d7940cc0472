"""Report progress on stderr with the seconds since the start, and run slow programs."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from tests.hosts.errors import BuildError

BEAT = 10.0  # seconds between reports of a running program's last line
DEADLINE = 1800.0  # seconds after which a program is killed
DOWNLOADS = 3  # attempts for a program that downloads
STARTED = time.monotonic()

_children: set[subprocess.Popen[bytes]] = set()
_printing = threading.Lock()


def say(text: str) -> None:
    """Print one line of progress on stderr."""
    with _printing:
        print(f"{time.monotonic() - STARTED:6.1f} s  {text}", file=sys.stderr, flush=True)


def run(
    label: str,
    argv: tuple[str, ...],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    tries: int = 1,
) -> None:
    """Run a program, append its output to ``log``, and report its progress now and then.

    It leads its own session, so that stop() also reaches its children.
    Raises:
        BuildError: it failed ``tries`` times, or it did not end in time.
    """
    for left in reversed(range(tries)):
        try:
            _run(label, argv, log, env, cwd)
            break
        except BuildError:
            if not left:
                raise
            say(f"{label}: failed, and is begun again: {_tail(log, 1)[:100]}")


def _run(label: str, argv: tuple[str, ...], log: Path, env: Mapping[str, str] | None, cwd: Path | None) -> None:
    with log.open("ab") as output:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, cwd=cwd, start_new_session=True
        )
    _children.add(child)
    until = time.monotonic() + DEADLINE
    try:
        while (status := _wait(child)) is None:
            say(f"{label}: {_tail(log, 1)[:100]}")
            if time.monotonic() > until:
                raise BuildError(f"{label}: {argv[0]} took longer than {DEADLINE:.0f} s\n{_tail(log, 15)}")
    finally:
        _kill(child)
        _children.discard(child)
    if status:
        raise BuildError(f"{label}: {argv[0]} ended with status {status}\n{_tail(log, 15)}")


def stop() -> None:
    """Kill all programs that run() started in any thread and that are still running."""
    for child in tuple(_children):
        _kill(child)


def _wait(child: subprocess.Popen[bytes]) -> int | None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return child.wait(timeout=BEAT)
    return None


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _tail(log: Path, lines: int) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
