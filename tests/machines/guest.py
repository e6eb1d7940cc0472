"""Runs inside a machine: each line of JSON from the virtio port is a command, or a signal for one that runs.

It knows nothing but the standard library, and is copied to where the machine's own Python runs it.
"""

import base64
import glob
import json
import os
import signal
import subprocess
import threading
import time
from typing import Any

PORTS = "/dev/vport*p1"

_running: dict[int, subprocess.Popen[bytes]] = {}
_writing = threading.Lock()


def main() -> None:
    """Serve for as long as the machine is up."""
    while not (found := glob.glob(PORTS)):
        time.sleep(0.05)
    port = os.open(found[0], os.O_RDWR)
    rest = b""
    while True:
        data = os.read(port, 1 << 16)
        if not data:  # nobody is connected
            time.sleep(0.05)
            continue
        *lines, rest = (rest + data).split(b"\n")
        for line in filter(None, lines):
            take(port, json.loads(line))


def take(port: int, order: dict[str, Any]) -> None:
    """Do what one line says."""
    if "signal" in order:
        process = _running.get(order["id"])
        if process is not None and process.poll() is None:
            os.killpg(process.pid, order["signal"])
        return
    threading.Thread(target=execute, args=(port, order), daemon=True).start()


def execute(port: int, order: dict[str, Any]) -> None:
    """Run a command to its end and answer."""
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            order["argv"], env=order["env"], cwd="/", stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as problem:
        answer(port, order["id"], 127, b"", str(problem).encode())
        return
    _running[order["id"]] = process
    output, complaint = process.communicate(base64.b64decode(order["stdin"]))
    del _running[order["id"]]
    answer(port, order["id"], process.returncode, output, complaint)


def answer(port: int, number: int, status: int, output: bytes, complaint: bytes) -> None:
    """Write one line; a negative status is a signal's."""
    texts = {name: base64.b64encode(text).decode() for name, text in (("stdout", output), ("stderr", complaint))}
    status = 128 - status if status < 0 else status
    line = json.dumps({"id": number, "status": status, **texts}).encode() + b"\n"
    with _writing:
        while line:
            line = line[os.write(port, line) :]


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
