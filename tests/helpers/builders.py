"""Helpers for tests of the builder: a configuration, and a build that shows what remains of the cache."""

import json
import re
from typing import Any

from tests.hosts import Host, parts

CONFIG = "/etc/provisioner/provisioner.yaml"
CONTAINER = "buildx_buildkit_container-builder0"
INSTANCE = "/root/.docker/buildx/instances/container-builder"
START: dict[str, Any] = {"image_store": {"existing": "hide"}, "platforms": ["linux/amd64"]}
SOCKET = "/var/run/docker.sock"
WATCHED = """
import json, sys
sys.path.insert(0, "/usr/local/lib/provisioner")
seen = []
EVENTS = {"subprocess.Popen": 1, "os.posix_spawn": 0, "os.exec": 0, "os.system": 0, "socket.connect": 1}
def hook(event, args):
    if event in EVENTS:
        what = args[EVENTS[event]]
        seen.append(what if isinstance(what, str) else " ".join(map(str, what)))
sys.addaudithook(hook)
from provisioner.cli import main
status = main.main(["check", "--format=json"])
print(json.dumps([status, seen]))
"""
DOCKERFILE = """\
FROM scratch
COPY sh /bin/sh
RUN echo once > /layer
ARG N
RUN --mount=type=cache,target=/c echo "$N" >> /c/seen; echo "seen: $(echo $(cat /c/seen))"
"""


def configure(host: Host, **builder: Any) -> None:
    """Write a configuration for the builder, plus settings that keep tests short. JSON is valid YAML."""
    host.put(CONFIG, json.dumps({**START, "builder": builder}))


def prepare(host: Host) -> None:
    """Write the build's context to /b."""
    host.put("/b/sh", (parts.programs() / "busybox-static/usr/bin/busybox").read_bytes(), 0o755)
    host.put("/b/Dockerfile", DOCKERFILE)


def build(host: Host, number: int, user: str = "root") -> tuple[bool, list[int]]:
    """Run a build.

    Returns: whether the layer came from the cache, and the numbers that the cache mount has seen.
    """
    argv = ("docker", "buildx", "build", "--progress=plain", "--platform=linux/amd64", f"--build-arg=N={number}", "/b")
    said = host.run(*argv, user=user, timeout=120, check=True).stderr
    [layer] = re.findall(r"^(#\d+) \[[^\]]*\] RUN echo once", said, re.MULTILINE)
    seen = re.search(r" seen: ([\d ]+)$", said, re.MULTILINE)
    return f"{layer} CACHED" in said, [int(n) for n in seen.group(1).split()] if seen else []


def checked(host: Host) -> tuple[int, set[str]]:
    """Return a check's exit status, and all programs and connections that it starts, except our unnamed probes."""
    ran = host.run("python3", "-I", "-c", WATCHED)
    status, seen = json.loads(ran.stdout.strip().splitlines()[-1])
    return status, {name for name in seen if not name.startswith("/proc/")}
