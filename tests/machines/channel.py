"""Send commands to a machine and receive the answers, over the Unix socket that represents its virtio port."""

import base64
import itertools
import json
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.hosts.errors import HostError


class Running:
    """A command that was started on a machine, with the methods of subprocess.Popen that tests use."""

    def __init__(self, channel: "Channel", argv: tuple[str, ...], number: int) -> None:
        self.args = argv
        self.returncode: int | None = None
        self.stdout = self.stderr = b""
        self._channel, self._number = channel, number
        self._done = threading.Event()

    def poll(self) -> int | None:
        """Return its exit status, or None while it runs."""
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to it and to its children."""
        self._channel.send({"id": self._number, "signal": number})

    def communicate(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Wait for its end and return its output. The status is -1 if the machine ended first."""
        if not self._done.wait(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.stdout, self.stderr

    def end(self, status: int, stdout: bytes = b"", stderr: bytes = b"") -> None:
        """Store the answer."""
        self.returncode, self.stdout, self.stderr = status, stdout, stderr
        self._done.set()


class Channel:
    """One connection. It ends when its machine ends."""

    _numbers = itertools.count(1)

    def __init__(self, path: Path, deadline: float) -> None:
        self._running: dict[int, Running] = {}
        self._socket = socket.socket(socket.AF_UNIX)
        self._writing = threading.Lock()
        while True:
            try:
                self._socket.connect(str(path))
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise HostError(f"{path.name}: QEMU does not listen") from None
                time.sleep(0.02)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, argv: tuple[str, ...], env: Mapping[str, str], data: bytes) -> Running:
        """Start a command with an environment and with ``data`` as its stdin."""
        number = next(self._numbers)
        running = self._running[number] = Running(self, argv, number)
        order = {"id": number, "argv": argv, "env": dict(env), "stdin": base64.b64encode(data).decode()}
        self.send(order)
        return running

    def send(self, order: Mapping[str, Any]) -> None:
        """Send one line."""
        with self._writing:
            try:
                self._socket.sendall(json.dumps(order).encode() + b"\n")
            except OSError:
                self.close()

    def close(self) -> None:
        """Close the connection and end every command that still waits for an answer."""
        self._socket.close()
        for running in list(self._running.values()):
            running.end(-1)
        self._running.clear()

    def _read(self) -> None:
        rest = b""
        try:
            while data := self._socket.recv(1 << 16):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._take(json.loads(line))
        except OSError:
            pass
        self.close()

    def _take(self, answer: Mapping[str, Any]) -> None:
        if running := self._running.pop(answer["id"], None):  # an answer may belong to a command from before a snapshot
            texts = (base64.b64decode(answer[name]) for name in ("stdout", "stderr"))
            running.end(answer["status"], *texts)
