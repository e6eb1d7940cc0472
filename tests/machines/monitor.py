"""QEMU's monitor and its protocol of JSON lines (QMP)."""

import json
import socket
import time
from pathlib import Path
from typing import Any

from tests.hosts.errors import HostError


class Monitor:
    """A connection to one QEMU."""

    def __init__(self, path: Path, deadline: float) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self._socket.connect(str(path))
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise HostError(f"{path.name}: QEMU does not listen") from None
                time.sleep(0.02)
        self._lines = self._socket.makefile("rb")
        self._lines.readline()  # its greeting
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: Any) -> Any:
        """Run one command and return its result."""
        order = {"execute": command, "arguments": arguments}
        self._socket.sendall(json.dumps(order).encode() + b"\n")
        while line := self._lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise HostError(f"QEMU refused {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise HostError(f"QEMU ended before it answered {command}")

    def close(self) -> None:
        """Close the connection."""
        self._lines.close()
        self._socket.close()
