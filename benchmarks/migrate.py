"""Compare the migration of images with ``docker save IMAGE | ctr -n moby images import -`` of the same images.

Both alternate on one host. The images that one of them migrated are removed before the other starts.
"""

import json
import statistics
import sys

from tests.hosts import boot

ENGINES = ("forky",)
ROUNDS = 4
GOAL = 1.1

# The step itself, as apply makes it, without the emulators and the builder of a whole apply.
INSIDE = """
import json, subprocess, sys, time
sys.path.insert(0, "/usr/local/lib/provisioner")
from provisioner.host import System
from provisioner.image_store.copy_images import CopyImage

IMAGES = [f"load:{i}" for i in range(4)]
CTR = ("ctr", "-n", "moby", "images")

def clear():
    names = subprocess.run((*CTR, "ls", "-q"), capture_output=True, text=True, check=True).stdout.split()
    if names:
        subprocess.run((*CTR, "rm", "--sync", *names), check=True, stdout=subprocess.DEVNULL)
    subprocess.run(("sync",))

def ours():
    system = System()
    for name in IMAGES:
        step = CopyImage((name,), 150_000_000, "/var/run/docker.sock", "/run/containerd/containerd.sock")
        step.do(system, lambda line: None)

def theirs():
    for name in IMAGES:
        pipe = f"docker save {name} | ctr -n moby images import - >/dev/null"
        subprocess.run(("sh", "-c", pipe), check=True, stderr=subprocess.DEVNULL)

times = {"theirs": [], "ours": []}
for turn in range(ROUNDS):
    for name, run in (("theirs", theirs), ("ours", ours)):
        clear()
        start = time.perf_counter()
        run()
        times[name].append(time.perf_counter() - start)
print(json.dumps(times))
"""
MAKE = """
set -e
cd /var/lib/docker && mkdir bench && cd bench
for i in 0 1 2 3; do head -c 150000000 /dev/urandom > data; tar c data | docker import - load:$i; done
rm data
"""


def main(engine: str = ENGINES[0]) -> None:
    """Boot, measure and print."""
    with boot(engine, layers=("qemu",), agent=True, binfmt=True) as host:
        host.sh(MAKE, check=True, timeout=120)
        ran = host.run("python3", "-c", INSIDE.replace("ROUNDS", str(ROUNDS)), timeout=600, check=True)
    times = json.loads(ran.stdout.splitlines()[-1])
    for name, values in times.items():
        print(f"{name:>6}: best {min(values):5.2f} s, median {statistics.median(values):5.2f} s")
    ratio = statistics.median(times["ours"]) / statistics.median(times["theirs"])
    print(f" ratio: {ratio:.2f} of the median (goal: at most {GOAL})")


if __name__ == "__main__":
    main(*sys.argv[1:])
