"""Write to a program and read what it says until its end, and tell of it meanwhile.

``communicate`` cannot do that: once it has timed out, the next call neither writes the rest of the input nor closes the
program's stdin, and a program that reads its stdin to the end waits forever.
"""

import os
import selectors
import subprocess
import time
from collections.abc import Callable
from typing import IO

TICK, TAIL = 0.1, 2000  # seconds between two looks at what a program says, and bytes of it that are passed on
CHUNK = 65_536


def talk(
    process: "subprocess.Popen[bytes]", data: bytes, timeout: float, heard: Callable[[str], None]
) -> tuple[bytes, bytes]:
    """Return all that a program says. ``heard`` gets the end of what it has said so far, every tenth of a second.

    Raises:
        subprocess.TimeoutExpired: the program has not ended in time. It still runs.
    """
    deadline = time.monotonic() + timeout
    talks = Talks(process, data)
    while not talks.ended(min(time.monotonic() + TICK, deadline)):
        if time.monotonic() >= deadline:
            raise subprocess.TimeoutExpired(process.args, timeout)
        heard((talks.err or talks.out)[-TAIL:].decode(errors="replace"))
    return bytes(talks.out), bytes(talks.err)


class Talks:
    """What a program has said, what it has not read yet, and those of its pipes that are still open."""

    def __init__(self, process: "subprocess.Popen[bytes]", data: bytes) -> None:
        self.out, self.err, self._rest = bytearray(), bytearray(), memoryview(data)
        self._process = process
        self._open: dict[int, IO[bytes]] = {}
        for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
            os.set_blocking(pipe.fileno(), False)
            self._open[pipe.fileno()] = pipe

    def ended(self, until: float) -> bool:
        """Exchange data with the program until a moment. Return whether it has said all and ended."""
        with selectors.DefaultSelector() as ready:
            for pipe in self._open.values():
                ready.register(pipe, selectors.EVENT_WRITE if pipe is self._process.stdin else selectors.EVENT_READ)
            while self._open and (left := until - time.monotonic()) > 0:
                for key, _ in ready.select(left):
                    if self._exchanged_all(self._open[key.fd]):
                        ready.unregister(key.fd)
                        self._open.pop(key.fd).close()
        try:
            self._process.wait(0 if self._open else max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return not self._open

    def _exchanged_all(self, pipe: IO[bytes]) -> bool:
        """Write to or read from a pipe that is ready. Return whether nothing more will go through it."""
        try:
            if pipe is self._process.stdin:
                self._rest = self._rest[os.write(pipe.fileno(), self._rest[:CHUNK]) :]
                return not self._rest
            data = os.read(pipe.fileno(), CHUNK)
        except BlockingIOError:  # not ready after all
            return False
        except BrokenPipeError:  # the program does not want the rest
            return True
        (self.out if pipe is self._process.stdout else self.err).extend(data)
        return not data
