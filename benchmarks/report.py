"""Measure the seconds and memory of `provisioner report` for growing fleets of realistic, generated results."""

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
SIZES = (10_000, 100_000, 1_000_000)
GOAL = (25.0, 500.0, 11.0)  # seconds and MB for the largest fleet; growth of the time for ten times the hosts

WANTED = (
    ("image store", "in effect", "containerd"),
    ("image store", "containerd-snapshotter in daemon.json", True),
    ("emulators", "binfmt_misc", "mounted"),
    ("emulators", "linux/arm64", "runs"),
    ("emulators", "linux/arm64 at boot", "registered"),
    ("builder", "registered", "docker-container at unix:///var/run/docker.sock"),
    ("builder", "container", "running"),
    ("builder", "container restart policy", "unless-stopped"),
    ("builder", "selected", "container-builder"),
    ("builder", "default of the endpoint", "container-builder"),
)
# The index in WANTED, the value found instead, the percentage of hosts, whether repairing restarts Docker, and what
# blocks it.
DRIFTS = (
    (3, "not registered", 4.0, False, None),
    (0, "overlay2", 1.5, True, None),
    (1, None, 1.5, False, None),
    (0, "overlay2", 1.0, True, "the switch would hide {n} images and {n} containers of the store in use"),
    (6, "exited", 2.0, False, None),
    (8, "default", 0.7, False, None),
    (
        3,
        "broken: the emulator that is registered for it is gone, or not to be had from where it runs",
        0.3,
        False,
        None,
    ),
)
ENGINES: tuple[str, ...] = ()  # it boots no host
ENGINE = {"endpoint": "unix:///var/run/docker.sock", "kind": "engine", "image_store": "containerd"}
ERROR = {
    "code": "engine-stopped",
    "message": "Docker is not running (nothing listens on /var/run/docker.sock)",
    "hint": "start it with `systemctl start docker`",
    "rolled_back": None,
}
QEMUS = ("10.0.4", "10.0.4", "9.2.2", "7.2.17")
VERSIONS = ("29.9.3", "28.5.2+dfsg4", "26.1.5+dfsg1")


def results(count: int, now: datetime, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Return one host's result after another: most in sync, some drifted, a few unknown or silent."""
    chance = random.Random(seed)  # noqa: S311  # the same fleet every time
    for number in range(count):
        age = (
            timedelta(days=chance.randint(3, 30))
            if chance.random() < 0.01
            else timedelta(minutes=chance.randint(1, 360))
        )
        when = now - age
        yield _result(number, when, chance)


def _result(number: int, when: datetime, chance: random.Random) -> dict[str, Any]:
    drifted: dict[int, dict[str, Any]] = {}
    for key, have, share, restarts, held in DRIFTS:
        if key not in drifted and chance.random() * 100 < share:
            since = when - timedelta(hours=chance.randint(0, 200))
            resource_, name, want = WANTED[key]
            drifted[key] = {
                "resource": resource_,
                "key": name,
                "have": have,
                "want": want,
                "cause": chance.choice(("corrective", "corrective", "intended")),
                "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
                "restarts": restarts,
                "blocked": held and _obstacle(held, chance.randint(1, 40)),
            }
    unseen = range(5, 10) if chance.random() < 0.005 else range(0)
    unknown = [
        {
            "resource": WANTED[k][0],
            "key": WANTED[k][1],
            "want": WANTED[k][2],
            "reason": "/root/.docker: may not read it",
        }
        for k in unseen
        if k not in drifted
    ]
    failed = chance.random() < 0.006
    if failed:
        drifted, unknown = {}, []
    name = f"{chance.choice(('ci', 'build', 'edge', 'web'))}-{number:06}.{chance.choice('abc')}.example.org"
    return {
        "schema_version": 2,
        "command": "check",
        "host": {"name": name, "id": f"{chance.getrandbits(128):032x}", "machine": "x86_64"},
        "engine": None if failed else {**ENGINE, "version": chance.choice(VERSIONS)},
        "agent": {"version": "0.1.0"},
        "configuration": {"path": "/etc/provisioner/provisioner.yaml", "sha256": "5e" * 32},
        "status": "failed" if failed else "drifted" if drifted else "unknown" if unknown else "in-sync",
        "exit_status": 69 if failed else 2 if drifted else 1 if unknown else 0,
        "error": {**ERROR, "since": f"{when - timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}"} if failed else None,
        "platforms": [] if failed else [_platform(chance.choice(QEMUS))],
        "time": f"{when:%Y-%m-%dT%H:%M:%SZ}",
        "differences": list(drifted.values()),
        "unknown": unknown,
        "as_wanted": [
            {"resource": r, "key": k, "want": w}
            for i, (r, k, w) in enumerate(WANTED)
            if i not in drifted and i not in unseen
        ],
        "apply": [],
        "repair": [],
        "hold": None,
        "interrupted": 4 if chance.random() < 0.001 else None,
        "duration_seconds": 0.031,
    }


def _obstacle(text: str, number: int) -> dict[str, Any]:
    """Return what blocks a difference, with its number."""
    message = text.format(n=number)
    return {"code": "images-hidden", "message": message, "hint": "save or push them", "numbers": {"images": number}}


def _platform(version: str) -> dict[str, Any]:
    """Return an emulated platform."""
    folder = f"/usr/local/lib/provisioner/qemu/qemu-v{version}"
    emulator = {
        "interpreter": f"{folder}/qemu-aarch64",
        "source": "image",
        "tag": f"qemu-v{version}",
        "version": version,
        "ours": True,
        "flags": "POCF",
    }
    return {"platform": "linux/arm64", "runs": "emulated", "by": None, "built_on": None, "emulator": emulator}


def write(path: Path, count: int) -> None:
    """Write a fleet as NDJSON."""
    now = datetime.now(UTC)
    with path.open("w") as file:
        for result in results(count, now):
            file.write(json.dumps(result) + "\n")


def measured(argv: tuple[str, ...], into: Path) -> tuple[float, float]:
    """Return the seconds and the megabytes that a command took."""
    start = time.perf_counter()
    output = (os.POSIX_SPAWN_OPEN, 1, str(into), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    pid = os.posix_spawn(argv[0], argv, {"PYTHONPATH": str(CHECKOUT)}, file_actions=(output,))
    _, status, usage = os.wait4(pid, 0)
    assert status == 0, argv
    return time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e6


def main() -> None:
    """Generate results, report them in every format, and print the figures."""
    with tempfile.TemporaryDirectory() as scratch:
        times: dict[tuple[str, int], float] = {}
        for count in SIZES:
            path = Path(scratch) / f"{count}.ndjson"
            write(path, count)
            print(f"{count} hosts, {path.stat().st_size / 1e6:.0f} MB of NDJSON")
            for kind in ("text", "json", "html"):
                argv = (sys.executable, "-m", "provisioner", "report", "--format", kind, str(path))
                seconds, megabytes = measured(argv, Path(scratch) / "out")
                times[kind, count] = seconds
                grown = seconds / times[kind, count // 10] if (kind, count // 10) in times else 0
                size = (Path(scratch) / "out").stat().st_size / 1e6
                line = f"  {kind:4} {seconds:6.2f} s  {megabytes:4.0f} MB  answer {size:5.1f} MB"
                print(line, f"  {grown:.1f} times the time of a tenth of the hosts" if grown else "")
    print(f"aim for {SIZES[-1]}: {GOAL[0]:.0f} s, {GOAL[1]:.0f} MB, {GOAL[2]:.0f} times")


if __name__ == "__main__":
    main()
