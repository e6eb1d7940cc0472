"""Images of our own in an engine: one platform's variant run and heard, and everything of ours taken away again.

Every container and image that a proof or a trial makes has one name and one label, so what a killed run has left goes
with the next of either.
"""

import json
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote

from provisioner.errors import CommandError
from provisioner.host import System
from provisioner.platforms import table

IMAGE = "provisioner-proof"
LABEL = "io.provisioner.proof"
START = 20.0  # seconds until a started probe has spoken


class Ran(NamedTuple):
    """How a variant ran: whether it did, by what (the CPU itself, or which QEMU), and why not."""

    runs: bool
    how: str
    error: str = ""


def run(system: System, socket: str, tag: str, platform: str, within: str = "") -> Ran:
    """Run one platform's variant, by the engine's own choice of it.

    ``within``: the machine of its own that the engine runs in, whose processes have numbers of another host's.
    """
    probe = table.of(platform).architecture
    # A log of its own: the daemon's may be one that nobody can read. No capability: the kernel shows a process, and so
    # its QEMU, to root in a sandbox only if it may do nothing that the sandbox may not.
    of_its_own = {"NetworkMode": "none", "LogConfig": {"Type": "json-file"}, "CapDrop": ["ALL"]}
    spec = {"Image": tag, "OpenStdin": True, "Labels": {LABEL: "1"}, "HostConfig": of_its_own}
    try:
        made = system.post(socket, f"/containers/create?platform={quote(platform, safe='')}", spec)["Id"]
        system.post(socket, f"/containers/{made}/start")
        said = _said(system, socket, made, probe)
        pid = system.get(socket, f"/containers/{made}/json")["State"]["Pid"]
        how = within or _how(system, pid)
    except CommandError as e:
        return Ran(False, "", e.message)
    if said.splitlines()[-1:] != [probe]:
        return Ran(False, how, f"it said {said!r} instead of {probe!r}")
    return Ran(True, how)


def _said(system: System, socket: str, container: str, word: str) -> str:
    """What a container has printed, once its last line is ``word``, or it has ended.

    QEMU 10 for ppc64le says something of its own before it, which may be all that is in the log for a while.
    """
    deadline = system.clock() + START
    while True:
        running = system.get(socket, f"/containers/{container}/json")["State"]["Running"]
        _, frames = system.request(socket, "GET", f"/containers/{container}/logs?stdout=1&stderr=1")
        text = _text(frames).strip()
        if text.splitlines()[-1:] == [word] or not running or system.clock() > deadline:
            return text
        system.pause(0.02)


def _text(frames: bytes) -> str:
    """The text in a log of the engine's: frames of stream, three zeros, length (four bytes, big endian), data."""
    text = b""
    while len(frames) >= 8:
        length = int.from_bytes(frames[4:8], "big")
        text, frames = text + frames[8 : 8 + length], frames[8 + length :]
    return text.decode(errors="replace")


def _how(system: System, pid: int) -> str:
    """What runs a process: the CPU itself, or the QEMU that it is, asked for its version by way of the process."""
    program = f"/proc/{pid}/exe"
    target = system.link(program) if pid else None
    if target is None:
        return "unknown"
    if target.endswith("/probe"):
        return "native"
    words = system.ask(program, "--version").stdout.split("\n")[0].split()
    name = target.rpartition("/")[2]
    return f"QEMU {words[2]}" if len(words) > 2 and words[1] == "version" else name


def clean(system: System, socket: str) -> None:
    """Take away every container and image of a proof, those of a run that was killed, too."""
    label = quote(json.dumps({"label": [f"{LABEL}=1"]}))
    for container in system.get(socket, f"/containers/json?all=1&filters={label}") or ():
        system.post(socket, f"/containers/{container['Id']}?force=1", method="DELETE")
    reference = quote(json.dumps({"reference": [IMAGE]}))
    for image in system.get(socket, f"/images/json?filters={reference}") or ():
        for tag in image.get("RepoTags") or ():
            system.post(socket, f"/images/{tag}?force=1", method="DELETE")
    for image in system.get(socket, f"/images/json?filters={label}") or ():  # the next platform's took its name
        if LABEL in (image.get("Labels") or ()):
            with suppress(CommandError):  # something was made of it meanwhile; the next clean-up tries again
                system.post(socket, f"/images/{image['Id']}?force=1", method="DELETE")
