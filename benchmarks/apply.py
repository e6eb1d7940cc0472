"""Compare an apply on a bare host with a shell script that does the same, each on a host of its own.

The script writes daemon.json, restarts Docker, registers the emulator and makes the builder. Its proof builds two
platforms, loads the archive and runs both. It checks nothing and can undo nothing. Both run in turn on hosts that have
BuildKit's image in containerd's store. The time of each line that the apply prints shows where its time goes.
"""

import json
import statistics
import sys
from collections import defaultdict
from typing import Any

from provisioner.platforms import binfmt, table
from provisioner.proof import local
from tests.hosts import Host, boot

ENGINES = ("forky",)
ROUNDS = 4
GOAL = 1.0
IMAGE = "moby/buildkit:buildx-stable-1"
STORE = '{"features": {"containerd-snapshotter": true}}'
READY = "systemctl reset-failed docker.service docker.socket; systemctl restart docker"
# The image is pulled into containerd's store, and the host is made bare again.
PREPARE = f"""
mkdir -p /etc/docker && echo '{STORE}' >/etc/docker/daemon.json && {READY}
docker pull -q {IMAGE} >/dev/null && rm /etc/docker/daemon.json && {READY}
docker info >/dev/null; sync; sleep 1
"""
SCRIPT = f"""
set -e
mkdir -p /etc/docker && echo '{STORE}' >/etc/docker/daemon.json
systemctl restart docker
printf '%s' "$1" >/proc/sys/fs/binfmt_misc/register
docker buildx create --name container-builder --driver docker-container --bootstrap --use >/dev/null 2>&1
"""
PROOF = """
set -e
docker buildx build --builder container-builder --platform linux/amd64,linux/arm64 --provenance=false \
  --output type=oci,dest=/tmp/proof.tar,name=proof:1 --quiet /proof >/dev/null 2>&1
docker load --quiet --input /tmp/proof.tar >/dev/null
docker run --rm --platform linux/amd64 proof:1 </dev/null >/dev/null
docker run --rm --platform linux/arm64 proof:1 </dev/null >/dev/null
docker image rm --force proof:1 >/dev/null
"""
INSIDE = """
import json, subprocess, sys, time
def seconds(*argv):
    start = time.perf_counter()
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - start
def lines(*argv):
    start, found = time.perf_counter(), []
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, bufsize=1)
    for line in process.stderr:
        found.append((time.perf_counter() - start, line.strip()))
    assert process.wait() == 0, found
    return time.perf_counter() - start, found
what, script, proof, rule = sys.argv[1:]
if what == "script":
    print(json.dumps({"script": seconds("sh", "-c", script, "sh", rule), "its proof": seconds("sh", "-c", proof)}))
else:
    whole, found = lines("provisioner", "apply")
    print(json.dumps({"apply": whole, "lines": found, "prove": seconds("provisioner", "prove"),
                      "again": seconds("provisioner", "apply"), "check": seconds("provisioner", "check")}))
"""


def measured(engine: str, what: str) -> dict[str, Any]:
    """Return the seconds of one run on a host of its own."""
    with boot(engine, layers=("qemu",), agent=True, binfmt=True) as host:
        _context(host)
        host.sh(PREPARE, check=True, timeout=240)
        rule = _rule()
        ran = host.run("python3", "-c", INSIDE, what, SCRIPT, PROOF, rule, check=True, timeout=240)
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def _rule() -> str:
    row = table.of("linux/arm64")
    return binfmt.registration_line(row, "/usr/bin/qemu-aarch64", "F")


def _context(host: Host) -> None:
    host.put("/proof.tar", local._context(("linux/amd64", "linux/arm64"), frozenset()))
    host.sh("mkdir /proof; tar xf /proof.tar -C /proof", check=True)


def main(engine: str = ENGINES[0], rounds: str = str(ROUNDS)) -> None:
    """Boot, measure and print."""
    times: dict[str, list[Any]] = defaultdict(list)
    for _ in range(int(rounds)):
        for what in ("script", "apply"):
            for name, value in measured(engine, what).items():
                times[name].append(value)
    lines = times.pop("lines")
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"{name:>9}: best {min(values):5.2f} s, median {middle:5.2f} s, worst {max(values):5.2f} s")
    best = {name: min(values) for name, values in times.items()}
    whole = best["script"] + best["its proof"]
    print(f"apply / (script + its proof): {best['apply'] / whole:.2f} of the best (aim {GOAL})")
    print(f"prove / its proof: {best['prove'] / best['its proof']:.2f} of the best (aim 1.1)")
    print(f"apply again / check: {best['again'] / best['check']:.2f}")
    print("where the time of the fastest apply goes, each line with the second in which it was printed:")
    fastest = lines[times["apply"].index(best["apply"])]
    for at, line in fastest:
        print(f"  {at:5.2f}  {line[:100]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
