"""The processes of this host, read from /proc. One that ends meanwhile is not there."""

from collections.abc import Iterator
from typing import NamedTuple

from provisioner.errors import ProvisionerError
from provisioner.model import Reader


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
