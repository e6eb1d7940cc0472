"""Measure how long the engine is down in an apply that switches the store, and in ``systemctl restart docker``.

``failed`` is an apply after which the engine cannot start because a port is taken. It lasts until the old state is
restored.

All runs alternate on one host. The downtime lasts from the first ``/_ping`` that fails to the first that succeeds.
"""

import json
import statistics
import sys

from tests.hosts import boot

ENGINES = ("forky",)
ROUNDS = 8
GOAL = 1.10

INSIDE = """
import json, socket, subprocess, threading, time

def ping():
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(0.05)
        try:
            wire.connect("/run/docker.sock")
            wire.sendall(b"GET /_ping HTTP/1.0\\r\\nHost: d\\r\\n\\r\\n")
            return b"200 OK" in wire.recv(100)
        except OSError:
            return False

def away(*argv):
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    gone = back = None
    while process.poll() is None or (gone and not back):
        now, there = time.perf_counter(), ping()
        if not there and gone is None:
            gone = now
        if there and gone is not None and back is None:
            back = now
        time.sleep(0.001)
    return (back - gone) * 1000 if gone else 0.0

CONFIG = "/etc/provisioner/provisioner.yaml"
times = {"restart": [], "apply": [], "failed": []}
for _ in range(ROUNDS):
    subprocess.run(("systemctl", "reset-failed", "docker.service", "docker.socket"))
    times["restart"].append(away("systemctl", "restart", "docker"))
    times["apply"].append(away("provisioner", "apply"))
    subprocess.run(("provisioner", "rollback"), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(CONFIG) as file:
        wanted = file.read()
    with open(CONFIG, "w") as file:
        file.write("daemon: {metrics-addr: '127.0.0.1:5000'}")  # where the registry listens
    times["failed"].append(away("provisioner", "apply", "--only=daemon"))
    with open(CONFIG, "w") as file:
        file.write(wanted)
print(json.dumps(times))
"""


def main(engine: str = ENGINES[0]) -> None:
    """Boot, measure and print."""
    with boot(engine, layers=("qemu",), agent=True, binfmt=True) as host:
        host.put("/etc/provisioner/provisioner.yaml", "image_store: {existing: hide}\n")
        ran = host.run("python3", "-c", INSIDE.replace("ROUNDS", str(ROUNDS)), timeout=600, check=True)
    times = json.loads(ran.stdout.splitlines()[-1])
    for name, values in times.items():
        print(f"{name:>8}: best {min(values):6.0f} ms, median {statistics.median(values):6.0f} ms")
    ratio = statistics.median(times["apply"]) / statistics.median(times["restart"])
    print(f"   ratio: {ratio:.2f} of the median (goal: at most {GOAL})")


if __name__ == "__main__":
    main(*sys.argv[1:])
