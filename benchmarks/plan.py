"""Compare a plan for a daemon.json of 1 MB with a plan for a small one, alternating on one host."""

import json
import statistics
import sys

from tests.hosts import boot

ENGINES = ("forky",)
ROUNDS = 15
GOAL = 50  # additional ms

INSIDE = """
import json, subprocess, time

SMALL = json.dumps({"labels": ["a=b"]}, indent=2)
LARGE = json.dumps({"labels": [f"k{i}=" + "v" * 80 for i in range(10000)]}, indent=2)

def once(text):
    with open("/etc/docker/daemon.json", "w") as file:
        file.write(text)
    start = time.perf_counter()
    done = subprocess.run(("provisioner", "plan"), stdout=subprocess.PIPE, text=True)
    assert "containerd-snapshotter" in done.stdout, done.stdout[-500:]
    return (time.perf_counter() - start) * 1000

times = {"small": [], "large": []}
for _ in range(ROUNDS):
    times["small"].append(once(SMALL))
    times["large"].append(once(LARGE))
print(json.dumps({"bytes": len(LARGE), **times}))
"""


def main(engine: str = ENGINES[0]) -> None:
    """Boot, measure and print."""
    with boot(engine, layers=("qemu",), agent=True, binfmt=True) as host:
        host.sh("mkdir -p /etc/docker", check=True)
        ran = host.run("python3", "-c", INSIDE.replace("ROUNDS", str(ROUNDS)), timeout=300, check=True)
    found = json.loads(ran.stdout.splitlines()[-1])
    for name in ("small", "large"):
        print(f"{name}: best {min(found[name]):5.0f} ms, median {statistics.median(found[name]):5.0f} ms")
    more = statistics.median(found["large"]) - statistics.median(found["small"])
    print(f"{found['bytes']} bytes cost {more:.0f} ms more (goal: at most {GOAL})")


if __name__ == "__main__":
    main(*sys.argv[1:])
