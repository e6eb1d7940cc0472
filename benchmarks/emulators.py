"""Measure what emulators add to a drift check, and how long their installation takes, on a real host.

The host has eight foreign platforms. The same check runs with all ten architectures, with `--quick`, and with native
platforms only. The runs alternate, so that other load affects all alike. The image to install from is already there.
"""

import json
import os
import sys
import time

from provisioner.platforms import table
from tests.hosts import boot

ROUNDS = 30
IMAGE = "tonistiigi/binfmt:qemu-v10.0.4"
ADDED, QUICK, INSTALLED, REPAIRED = 35.0, 5.0, 2.0, 1.0  # goals, in ms, ms, s and s

KEPT = ("/etc/provisioner/provisioner.yaml", "/var/lib/provisioner/configuration.json")  # text, validated

INSIDE = """
import json, shutil, statistics, subprocess, time
KINDS = {"ten": ("ten", ()), "quick": ("ten", ("--quick",)), "native": ("native", ())}
times = {kind: [] for kind in KINDS}
for _ in range(ROUNDS):
    for kind, (kept, args) in KINDS.items():
        for path in KEPT:
            shutil.copy(f"/{kept}{path}", path)
        start = time.perf_counter()
        subprocess.run(("provisioner", "check", "--only=emulators", *args), stdout=subprocess.DEVNULL, check=True)
        times[kind].append((time.perf_counter() - start) * 1000)
print(json.dumps({k: [min(v), statistics.median(v)] for k, v in times.items()}))
"""

KEEP = f"mkdir -p /$1; cp --parents {' '.join(KEPT)} /$1"


def main(engine: str) -> None:
    """Boot, install, measure and print."""
    wanted = ", ".join(table.each_architecture())
    config = f"platforms: [{wanted}]\nemulators: {{source: image, image: '{IMAGE}'}}\n"
    with boot(engine, agent=True, files={KEPT[0]: config}, binfmt=True) as host:
        host.run("docker", "pull", "-q", IMAGE, check=True, timeout=240)
        started = time.monotonic()
        host.run("provisioner", "apply", "--only=emulators", check=True, timeout=240)
        installed = time.monotonic() - started
        host.sh("echo -1 >/proc/sys/fs/binfmt_misc/status", check=True)
        started = time.monotonic()
        host.run("provisioner", "apply", "--only=emulators", check=True, timeout=240)
        repaired = time.monotonic() - started
        size = int(host.sh("du -sm /usr/local/lib/provisioner/qemu | cut -f1", check=True).stdout)
        host.sh(KEEP, "ten", check=True)
        host.put(KEPT[0], f"platforms: [{', '.join(table.native(os.uname().machine))}]\n")
        host.run("provisioner", "apply", "--only=emulators", check=True)
        host.sh(KEEP, "native", check=True)
        source = INSIDE.replace("ROUNDS", str(ROUNDS)).replace("KEPT", str(KEPT))
        found = json.loads(host.run("python3", "-c", source, check=True, timeout=240).stdout)
    for index, kind in enumerate(("best", "median")):
        ten, quick, native = (found[k][index] for k in ("ten", "quick", "native"))
        print(f"{kind:6} native alone {native:6.1f} ms; all ten add {ten - native:5.1f} ms (aim {ADDED:.0f}),", end=" ")
        print(f"without running them {quick - native:5.1f} ms (aim {QUICK:.0f})")
    print(f"install of all ten from an image that is there: {installed:.2f} s, {size} MB (aim {INSTALLED:.0f} s)")
    print(f"repair after a flush: {repaired:.2f} s (aim {REPAIRED:.0f} s)")


if __name__ == "__main__":
    main(*sys.argv[1:] or ("trixie",))
