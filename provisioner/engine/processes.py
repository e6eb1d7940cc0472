"""The processes of this host, read from /proc. One that ends meanwhile is not there.

A command line is a claim: anybody may start a program under any name. What a process is called counts only where its
owner and its executable file agree.
"""

from collections.abc import Iterator

from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.typed import NamedTuple


class Process(NamedTuple):
    """A process with its command line; a kernel thread has an empty one."""

    pid: int
    argv: tuple[str, ...]

    @property
    def program(self) -> str:
        """The last part of what it was called as."""
        return self.argv[0].rpartition("/")[2] if self.argv else ""


def every(host: Reader) -> Iterator[Process]:
    """All of them, in no order."""
    for name in host.names("/proc"):
        if name.isdigit():
            try:
                line = host.read(f"/proc/{name}/cmdline") or ""
            except ProvisionerError:
                continue
            yield Process(int(name), tuple(line.rstrip("\0").split("\0")) if line else ())


def own(host: Reader, process: Process) -> bool:
    """Whether it sees the same files as we do: a daemon in a container reads that container's."""
    return host.link(f"/proc/{process.pid}/ns/mnt") == host.link("/proc/self/ns/mnt")


def daemon(host: Reader, process: Process) -> bool:
    """Whether a process is the daemon that it is called as, run by root or by us, among the files that we see."""
    file = host.link(f"/proc/{process.pid}/exe")  # None: a user may not look at other users' processes
    if file is not None and file.removesuffix(" (deleted)").rpartition("/")[2] != process.program:
        return False
    return _user(host, process)["Uid"] in ([str(u)] for u in (0, host.uid)) and own(host, process)


def reaches(host: Reader, process: Process, socket: str) -> bool:
    """Whether a process is root's, ours, or of somebody who may write to the engine's socket."""
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
    """The real user of a process, its real group, and its groups. A program with a set-user-ID bit is its caller's."""
    try:
        text = host.read(f"/proc/{process.pid}/status") or ""
    except ProvisionerError:
        text = ""
    rows = {key: words.split() for key, _, words in (line.partition(":") for line in text.splitlines())}
    return {"Uid": rows.get("Uid", [])[:1], "Gid": rows.get("Gid", [])[:1], "Groups": rows.get("Groups", [])}
