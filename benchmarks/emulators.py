"""Measure what emulators add to a drift check, and how long their installation takes, on a real host.

One host has eight foreign platforms, and another has native ones only. The same check runs on the first with all ten
architectures and with `--quick`, and on the second. The runs alternate, so that other load affects all alike. The image
to install from is already there.
"""

import os
import statistics
import sys
import time
from collections.abc import Mapping

from provisioner.platforms import table
from tests.hosts import Host, boot

ENGINES = ("trixie",)
ROUNDS = 30
IMAGE = "tonistiigi/binfmt:qemu-v10.0.4"
ADDED, QUICK, INSTALLED, REPAIRED = 35.0, 5.0, 2.0, 1.0  # goals, in ms, ms, s and s

CONFIG = "/etc/provisioner/provisioner.yaml"
KINDS = {"ten": ("ten", ()), "quick": ("ten", ("--quick",)), "native": ("native", ())}  # host, arguments

INSIDE = """
import subprocess, sys, time
start = time.perf_counter()
subprocess.run(("provisioner", "check", "--only=emulators", *sys.argv[1:]), stdout=subprocess.DEVNULL, check=True)
print((time.perf_counter() - start) * 1000)
"""


def seconds(host: Host, *argv: str) -> float:
    """Return how many seconds a command takes on a host."""
    started = time.monotonic()
    host.run(*argv, check=True, timeout=240)
    return time.monotonic() - started


def checks(hosts: Mapping[str, Host]) -> dict[str, tuple[float, float]]:
    """Return the best and the median time of each kind of check in ms. They alternate."""
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(ROUNDS):
        for kind, (name, args) in KINDS.items():
            times[kind].append(float(hosts[name].run("python3", "-c", INSIDE, *args, check=True).stdout))
    return {kind: (min(found), statistics.median(found)) for kind, found in times.items()}


def main(engine: str = ENGINES[0]) -> None:
    """Boot, install, measure and print."""
    wanted = ", ".join(table.each_architecture())
    ten = f"platforms: [{wanted}]\nemulators: {{source: image, image: '{IMAGE}'}}\n"
    native = f"platforms: [{', '.join(table.native(os.uname().machine))}]\n"
    apply = ("provisioner", "apply", "--only=emulators")
    with (
        boot(engine, agent=True, files={CONFIG: ten}, binfmt=True) as foreign,
        boot(engine, agent=True, files={CONFIG: native}, binfmt=True) as plain,
    ):
        foreign.run("docker", "pull", "-q", IMAGE, check=True, timeout=240)
        installed = seconds(foreign, *apply)
        foreign.sh("echo -1 >/proc/sys/fs/binfmt_misc/status", check=True)
        repaired = seconds(foreign, *apply)
        size = int(foreign.sh("du -sm /usr/local/lib/provisioner/qemu | cut -f1", check=True).stdout)
        seconds(plain, *apply)
        found = checks({"ten": foreign, "native": plain})
    for index, kind in enumerate(("best", "median")):
        all_ten, quick, alone = (found[k][index] for k in ("ten", "quick", "native"))
        print(
            f"{kind:6} native alone {alone:6.1f} ms; all ten add {all_ten - alone:5.1f} ms (aim {ADDED:.0f}),", end=" "
        )
        print(f"without running them {quick - alone:5.1f} ms (aim {QUICK:.0f})")
    print(f"install of all ten from an image that is there: {installed:.2f} s, {size} MB (aim {INSTALLED:.0f} s)")
    print(f"repair after a flush: {repaired:.2f} s (aim {REPAIRED:.0f} s)")


if __name__ == "__main__":
    main(*sys.argv[1:])
