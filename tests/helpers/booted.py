"""The few words that tests of booted hosts share."""

import json
from typing import Any, NamedTuple

from tests.hosts import Host
from tests.machines import Machine

Place = Host | Machine

DAEMON_JSON = "/etc/docker/daemon.json"
ENTRY = "/proc/sys/fs/binfmt_misc/qemu-aarch64"
BUILDER = "buildx_buildkit_container-builder0"
LAYERS = ("qemu",)


class Answer(NamedTuple):
    """One run of the agent: its exit status, its JSON document ({} where it printed none), and its stderr."""

    status: int
    document: dict[str, Any]
    stderr: str


def agent(host: Place, *args: str, user: str = "root") -> Answer:
    """Run the agent and read its JSON."""
    ran = host.run("provisioner", *args, "--format=json", user=user, timeout=host.PATIENCE)
    return Answer(ran.status, json.loads(ran.stdout) if ran.stdout else {}, ran.stderr)


def differences(answer: Answer) -> set[str]:
    """The keys that a check names, with their resources."""
    return {f"{d['resource']}: {d['key']}" for d in answer.document["differences"]}


def steps(answer: Answer) -> list[str]:
    """What an apply did, or a plan would do."""
    return [s["does"] for c in answer.document["changes"] for s in c["steps"] if s["phase"] in ("edit", "restart")]


def started(host: Place) -> str:
    """Changes whenever the daemon is started anew."""
    return host.sh("systemctl show docker -p InvocationID --value", check=True).stdout.strip()


def store(host: Place) -> str:
    """The image store in effect, as docker itself says."""
    return host.sh("docker info --format '{{.Driver}} {{.DriverStatus}}' 2>/dev/null", check=True).stdout.strip()


def portrait(host: Place) -> dict[str, object]:
    """All that an apply may touch, to be compared with another time."""
    folders = "etc/docker etc/binfmt.d usr/local/lib/provisioner/qemu root/.docker/buildx/instances"
    listing = f"cd / && find {folders} -type f -exec sha256sum {{}} + 2>/dev/null | sort"
    return {
        "daemon.json": host.get(DAEMON_JSON),
        "files": host.sh(listing).stdout,
        "entries": host.sh("ls /proc/sys/fs/binfmt_misc; cat /proc/sys/fs/binfmt_misc/[!rs]*").stdout,
        "store": store(host),
        "containers": host.sh("docker ps -a --format '{{.Names}} {{.State}}'", check=True).stdout,
        "builders": host.sh("docker buildx ls 2>/dev/null | awk '{print $1, $2}'").stdout,
    }
