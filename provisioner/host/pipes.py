"""Use an engine's answer as a program's stdin, without copying it through this process or a disk."""

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Callable

from provisioner import secrets
from provisioner.errors import CommandError, NoEngineError
from provisioner.host.wire import Wire

_BLOCK = 1 << 20  # bytes per transfer, and the size of the pipe
# Maximum seconds without progress. An engine first writes a whole image to a file of its own, and the program unpacks
# the last layer after the transfer. At 60 MB/s, a disk needs that long for a hundred gigabytes.
_QUIET = 1800.0


def pour(
    wire: Wire, argv: tuple[str, ...], program: str, environment: dict[str, str], moved: Callable[[int], None]
) -> str:
    """Pipe the answer to a request that was already sent into a program, and report the number of bytes transferred.

    Returns: the program's output.
    Raises: NoEngineError if the engine refuses. CommandError if the program fails, or if nothing moves for too long.
    """
    waited = CommandError(f"`{' '.join(map(secrets.word, argv))}`: nothing moved for {_QUIET:.0f} s")
    with contextlib.closing(wire):
        try:
            first = _body(wire)
        except TimeoutError:
            raise waited from None
        output = os.memfd_create("output")
        begin, into = os.pipe()
        try:
            process = subprocess.Popen(
                (program, *argv[1:]),
                stdin=begin,
                stdout=output,
                stderr=output,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
            os.close(begin)
            try:
                with contextlib.suppress(BrokenPipeError), open(into, "wb", buffering=0):  # its output says why
                    _move(wire, into, first, moved)
                status = process.wait(_QUIET)
            except (TimeoutError, subprocess.TimeoutExpired):
                raise waited from None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            said = os.pread(output, 65536, 0).decode(errors="replace").strip()
        finally:
            os.close(output)
    if status:
        raise CommandError(f"`{' '.join(map(secrets.word, argv))}` failed with status {status}: {said[-300:]}")
    return said


def _body(wire: Wire) -> bytes:
    """Read the headers, and return the part of the body that arrived with them."""
    head = b""
    while b"\r\n\r\n" not in head:
        _await(wire)
        data = wire.recv(65536)
        if not data:
            raise NoEngineError("the engine ended its answer before it began", hint="journalctl -u docker")
        head += data
    header, _, rest = head.partition(b"\r\n\r\n")
    if header.split(b" ", 2)[1:2] != [b"200"]:
        raise NoEngineError(f"the engine refused: {rest.decode(errors='replace').strip()}", hint="journalctl -u docker")
    return rest


def _move(wire: Wire, into: int, first: bytes, moved: Callable[[int], None]) -> None:
    import fcntl  # exists only on Linux

    with contextlib.suppress(OSError):  # the user may have reached the limit for pipe buffers
        fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, _BLOCK)
    while first:
        first = first[os.write(into, first) :]
    total = 0
    while True:
        _await(wire)
        count = os.splice(wire.fileno(), into, _BLOCK)
        if not count:
            return
        total += count
        moved(total)


def _await(wire: Wire) -> None:
    """Wait until there is something to read, far longer than for any other answer.

    Raises: TimeoutError.
    """
    arrived = select.poll()
    arrived.register(wire.fileno(), select.POLLIN)
    if not arrived.poll(_QUIET * 1000):
        raise TimeoutError
