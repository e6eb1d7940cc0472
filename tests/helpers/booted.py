"""Short helpers for tests of booted hosts."""

import json
from typing import Any, NamedTuple

from tests.helpers.system_containers import Container
from tests.hosts import Host, Result
from tests.machines import Machine

Place = Host | Machine | Container

DAEMON_JSON = "/etc/docker/daemon.json"
ENTRY = "/proc/sys/fs/binfmt_misc/qemu-aarch64"
BUILDER = "buildx_buildkit_container-builder0"
LAYERS = ("qemu",)
# pip loads them, whether it has a network or not; here a package's script would make them one file.
CERTIFICATES = "mkdir -p /etc/ssl/certs; cat /usr/share/ca-certificates/mozilla/* > /etc/ssl/certs/ca-certificates.crt"


class Answer(NamedTuple):
    """One run of the agent: its exit status, its JSON document ({} if it printed none), and its stderr."""

    status: int
    document: dict[str, Any]
    stderr: str


def agent(host: Place, *args: str, user: str = "root") -> Answer:
    """Run the agent and read its JSON document."""
    ran = host.run("provisioner", *args, "--format=json", user=user, timeout=host.PATIENCE)
    return Answer(ran.status, json.loads(ran.stdout) if ran.stdout else {}, ran.stderr)


def job(host: Place, unit: str, check: bool = False) -> Result:
    """Run one of our units to its end, as its timer does.

    systemd refuses the sixth start of a unit within ten seconds, which a quick machine reaches. So its count is cleared
    first. A unit that was refused all the same has not run: that is an error of the test, whatever ``check`` says.
    """
    host.run("systemctl", "reset-failed", f"{unit}.service")
    ran = host.run("systemctl", "start", f"{unit}.service", check=check, timeout=host.PATIENCE)
    shown = host.run("systemctl", "show", "--property=Result", "--value", f"{unit}.service", check=True).stdout.strip()
    assert shown != "start-limit-hit", f"{unit} was started too often"
    return ran


def differences(answer: Answer) -> set[str]:
    """Return the keys that a check reports, with their resources."""
    return {f"{d['resource']}: {d['key']}" for d in answer.document["differences"]}


def steps(answer: Answer) -> list[str]:
    """Return the steps that an apply made or a plan shows."""
    phases = ("edit", "restart", "after")
    return [s["does"] for c in answer.document["changes"] for s in c["steps"] if s["phase"] in phases]


def started(host: Place) -> str:
    """Return a value that changes whenever the daemon starts."""
    return host.sh("systemctl show docker -p InvocationID --value", check=True).stdout.strip()


def store(host: Place) -> str:
    """Return the image store in effect, as docker reports it."""
    return host.sh("docker info --format '{{.Driver}} {{.DriverStatus}}' 2>/dev/null", check=True).stdout.strip()


def portrait(host: Place) -> dict[str, object]:
    """Return everything that an apply may change, for comparison with a later state."""
    folders = "etc/docker etc/binfmt.d usr/local/lib/provisioner/qemu root/.docker/buildx/instances"
    listing = f"cd / && find {folders} -type f -exec sha256sum {{}} + 2>/dev/null | sort"
    return {
        "daemon.json": host.get(DAEMON_JSON),
        "files": host.sh(listing).stdout,
        "units": host.sh("ls -A /etc/systemd/system /etc/systemd/system/*.wants").stdout,
        "entries": host.sh("ls /proc/sys/fs/binfmt_misc; cat /proc/sys/fs/binfmt_misc/[!rs]*").stdout,
        "store": store(host),
        "containers": host.sh("docker ps -a --format '{{.Names}} {{.State}}'", check=True).stdout,
        "builders": host.sh("docker buildx ls 2>/dev/null | awk '{print $1, $2}'").stdout,
    }
