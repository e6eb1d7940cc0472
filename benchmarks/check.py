"""Compare a whole drift check with `docker info` followed by `docker buildx ls`, on one configured host.

Both run inside a booted host and alternate, so that other load affects both alike. Prints the best and the median
time of each in ms, their ratio, and the peak memory of a check.
"""

import json
import sys

from tests.hosts import boot

ENGINES = ("trixie",)
ROUNDS = 40
GOAL = 0.25

INSIDE = """
import json, os, resource, statistics, subprocess, time
CHECK = (("provisioner", "check"),)
DOCKER = (("docker", "info"), ("docker", "buildx", "ls"))

def once(commands):
    time.sleep(0.1)  # what the other one left the daemon to do is not this one's
    start = time.perf_counter()
    for command in commands:
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - start) * 1000

def peak():
    pid = os.posix_spawn("/bin/sh", ("sh", "-c", "exec provisioner check >/dev/null"), dict(os.environ))
    return os.wait4(pid, 0)[2].ru_maxrss / 1024

times = {"check": [], "docker": []}
for _ in range(ROUNDS):
    times["check"].append(once(CHECK))
    times["docker"].append(once(DOCKER))
found = {k: {"best": min(v), "median": statistics.median(v)} for k, v in times.items()}
print(json.dumps({**found, "peak_mib": peak()}))
"""


def main(engine: str = ENGINES[0]) -> None:
    """Boot, provision, measure and print."""
    with boot(engine, layers=("qemu",), agent=True, binfmt=True) as host:
        host.run("provisioner", "apply", check=True, timeout=240)
        source = INSIDE.replace("ROUNDS", str(ROUNDS))
        found = json.loads(host.run("python3", "-c", source, check=True, timeout=240).stdout)
    for name in ("check", "docker"):
        print(f"{name:7} best {found[name]['best']:6.1f} ms   median {found[name]['median']:6.1f} ms")
    for kind in ("best", "median"):
        print(f"ratio of the {kind}: {found['check'][kind] / found['docker'][kind]:.2f} (aim {GOAL})")
    print(f"peak memory of a check: {found['peak_mib']:.1f} MiB")


if __name__ == "__main__":
    main(*sys.argv[1:])
