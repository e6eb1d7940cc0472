"""The processes of this host, read from /proc. A process that ends in the meantime is skipped.

A command line proves nothing, because anybody may start a program under any name. We trust a process's name only if its
owner and its executable file agree.
"""

import re
from collections.abc import Iterator

from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.typed import NamedTuple

CONTAINED = "[0-9a-f]{64}"  # in the name of a cgroup: docker, containerd and podman name it after the container's ID


class Process(NamedTuple):
    """A process and its command line, which is empty for a kernel thread."""

    pid: int
    argv: tuple[str, ...]

    @property
    def program(self) -> str:
        """The file name of the program, as the command line gives it."""
        return self.argv[0].rpartition("/")[2] if self.argv else ""


def every(host: Reader) -> Iterator[Process]:
    """Yield all processes, in no particular order."""
    for name in host.names("/proc"):
        if name.isdigit():
            try:
                line = host.read(f"/proc/{name}/cmdline") or ""
            except ProvisionerError:
                continue
            yield Process(int(name), tuple(line.rstrip("\0").split("\0")) if line else ())


def own(host: Reader, process: Process) -> bool:
    """Whether a process reads this host's files. A daemon in a container reads that container's files.

    A unit's sandbox has a view of its own on the files, so the host's first process counts like us. If the sandbox may
    not look either, the name of the process's cgroup decides.
    """
    theirs = host.link(f"/proc/{process.pid}/ns/mnt")
    if theirs is not None:
        return theirs in (host.link("/proc/self/ns/mnt"), host.link("/proc/1/ns/mnt"))
    try:
        return not re.search(CONTAINED, host.read(f"/proc/{process.pid}/cgroup") or "")
    except ProvisionerError:
        return False


def daemon(host: Reader, process: Process) -> bool:
    """Whether a process really is the daemon that its name says, runs as root or as us, and sees the same files."""
    file = host.link(f"/proc/{process.pid}/exe")  # None if we may not look at other users' processes
    if file is not None and file.removesuffix(" (deleted)").rpartition("/")[2] != process.program:
        return False
    return _user(host, process)["Uid"] in ([str(u)] for u in (0, host.uid)) and own(host, process)


def reaches(host: Reader, process: Process, socket: str) -> bool:
    """Whether a process belongs to root, to us, or to a user who may write to the engine's socket."""
    ids = _user(host, process)
    if set(ids["Uid"]) & {"0", str(host.uid)}:
        return True
    try:
        there = host.stat(socket)
    except ProvisionerError:
        return False
    if there is None or not ids["Uid"]:
        return False
    return bool(there.mode & 0o002) or str(there.uid) in ids["Uid"] or str(there.gid) in (*ids["Gid"], *ids["Groups"])


def _user(host: Reader, process: Process) -> dict[str, list[str]]:
    """Return a process's real user, its real group and its groups. A set-user-ID program counts as its caller's."""
    try:
        text = host.read(f"/proc/{process.pid}/status") or ""
    except ProvisionerError:
        text = ""
    rows = {key: words.split() for key, _, words in (line.partition(":") for line in text.splitlines())}
    return {"Uid": rows.get("Uid", [])[:1], "Gid": rows.get("Gid", [])[:1], "Groups": rows.get("Groups", [])}
