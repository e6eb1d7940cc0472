"""Test images in an engine: run one platform's variant, read its output, and remove every container and image of ours.

All containers and images of a test share one name and one label. The next clean-up therefore also removes what a killed
run left.
"""

import json
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote

from provisioner.errors import CommandError
from provisioner.host import System
from provisioner.platforms import ordinary, pages, table

IMAGE = "provisioner-proof"
LABEL = "io.provisioner.proof"
AT_ONCE = 8  # containers that the engine is asked to remove at the same time
START = 30.0  # seconds to wait for a started test program's output


class Ran(NamedTuple):
    """The result of a run: whether it worked, what ran it (the CPU itself, or which QEMU), and the error."""

    runs: bool
    how: str
    error: str = ""


class Begun(NamedTuple):
    """A container of one platform's variant that the engine is starting, or why there is none."""

    container: str
    platform: str
    error: str = ""


def run(system: System, socket: str, tag: str, platform: str, within: str = "") -> Ran:
    """Run the variant that the engine chooses for one platform.

    ``within`` names the virtual machine that the engine runs in, if any. Its process numbers mean nothing on this host.
    """
    return end(system, socket, begin(system, socket, tag, platform), within)


def begin(system: System, socket: str, tag: str, platform: str) -> Begun:
    """Create a container for one platform and ask the engine to start it. ``end`` waits for what it says.

    The engine starts the containers of several platforms at the same time.
    """
    # The log has its own driver, because the daemon's default log may be unreadable. The container has no capabilities:
    # the kernel shows a process, and so its QEMU, to a sandboxed root only if the process has no capability that the
    # sandbox lacks.
    of_its_own = {"NetworkMode": "none", "LogConfig": {"Type": "json-file"}, "CapDrop": ["ALL"]}
    spec = {"Image": tag, "OpenStdin": True, "Labels": {LABEL: "1"}, "HostConfig": of_its_own}
    try:
        made = system.create_container(socket, spec, platform)
    except CommandError as e:
        return Begun("", platform, e.message)
    system.expect(socket, _start(made), "POST")
    return Begun(made, platform)


def end(system: System, socket: str, begun: Begun, within: str = "") -> Ran:
    """Wait for the output of a platform's container, and return how the run went."""
    if begun.error:
        return Ran(False, "", begun.error)
    probe = table.of(begun.platform).architecture
    try:
        system.post(socket, _start(begun.container))
        said = _said(system, socket, begun.container, probe)
        state = _state(system, socket, begun.container)
        how = within or _how(system, state["Pid"], begun.platform)
    except CommandError as e:
        return Ran(False, "", e.message)
    if said.splitlines()[-1:] != [probe]:
        status = state.get("ExitCode") or 0
        ended = f", and it ended with status {status}" if status else ""
        return Ran(False, how, ordinary.FAILED.get(status, f"it said {said!r} instead of {probe!r}{ended}"))
    return Ran(True, how)


def _start(container: str) -> str:
    return f"/containers/{container}/start"


def _state(system: System, socket: str, container: str) -> dict[str, Any]:
    """Return the state of a container of ours. A clean-up of somebody else's can remove it at any time."""
    found = system.get(socket, f"/containers/{container}/json")
    if found is None:
        raise CommandError("somebody has removed the container of the test", hint="run the same command again")
    state: dict[str, Any] = found["State"]
    return state


def _said(system: System, socket: str, container: str, word: str) -> str:
    """Return what a container has printed, once its last line is ``word`` or the container has ended.

    QEMU 10 for ppc64le prints a message of its own first. For a while the log may contain nothing else.
    """
    deadline = system.clock() + START
    while True:
        running = _state(system, socket, container)["Running"]
        _, frames = system.request(socket, "GET", f"/containers/{container}/logs?stdout=1&stderr=1")
        text = _text(frames).strip()
        if text.splitlines()[-1:] == [word] or not running or system.clock() > deadline:
            return text
        system.pause(0.02)


def _text(frames: bytes) -> str:
    """Extract the text of an engine's log.

    A frame is the stream, three zeros, the length (4 bytes, big-endian) and the data.
    """
    text = b""
    while len(frames) >= 8:
        length = int.from_bytes(frames[4:8], "big")
        text, frames = text + frames[8 : 8 + length], frames[8 + length :]
    return text.decode(errors="replace")


def _how(system: System, pid: int, platform: str) -> str:
    """Return what runs a process: the CPU itself, or QEMU, whose version we ask for through /proc."""
    program = f"/proc/{pid}/exe"
    target = system.link(program) if pid else None
    if target is None:
        return "unknown"
    if target.endswith("/probe"):
        return f"native, but {pages.CRASH}" if pages.crash(system, (platform,)) else "native"
    words = system.ask(program, "--version").stdout.split("\n")[0].split()
    name = target.rpartition("/")[2]
    return f"QEMU {words[2]}" if len(words) > 2 and words[1] == "version" else name


def clean(system: System, socket: str, only: str = "") -> None:
    """Remove every container and image of a test, including those of a run that was killed.

    ``only`` is the tag of a run by a user who does not hold the host's lock, so that other runs keep theirs.
    """
    label = quote(json.dumps({"label": [f"{LABEL}=1"]}))
    found = system.get(socket, f"/containers/json?all=1&filters={label}") or ()
    containers = [f"/containers/{c['Id']}?force=1" for c in found if not only or c.get("Image") == only]
    for some in (containers[n : n + AT_ONCE] for n in range(0, len(containers), AT_ONCE)):
        _remove(system, socket, some)
    reference = quote(json.dumps({"reference": [only or IMAGE]}))
    for image in system.get(socket, f"/images/json?filters={reference}") or ():
        for tag in image.get("RepoTags") or ():
            system.post(socket, f"/images/{tag}?force=1", method="DELETE")
    for image in system.get(socket, f"/images/json?filters={label}") or ():  # those that lost their name
        if not only and LABEL in (image.get("Labels") or ()):
            with suppress(CommandError):  # another image was built from it meanwhile; the next clean-up tries again
                system.post(socket, f"/images/{image['Id']}?force=1", method="DELETE")


def _remove(system: System, socket: str, containers: list[str]) -> None:
    """Remove containers. Every answer is read before the first error is raised."""
    for path in containers:
        system.expect(socket, path, "DELETE")
    refused = list[CommandError]()
    for path in containers:
        try:
            system.post(socket, path, method="DELETE")
        except CommandError as e:
            refused.append(e)
    if refused:
        raise refused[0]
