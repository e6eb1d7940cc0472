"""What obstacles are judged by: daemon.json, the daemon's next start, the other daemons of this host."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from provisioner.daemon import containerd, start_line
from provisioner.engine import processes
from provisioner.engine.facts import Facts
from provisioner.engine.processes import Process
from provisioner.model import Reader
from provisioner.text import command_line


class Scene(NamedTuple):
    """What the rows look at: daemon.json as it is to be, the daemon's next start, the other daemons of this host."""

    facts: Facts
    found: Mapping[str, Any]
    start: start_line.Start
    daemons: tuple[Process, ...]
    link: str
    containerd: bool
    snapshotters: frozenset[str] | None


def look(host: Reader, facts: Facts, found: Mapping[str, Any], *, switch: bool = False) -> Scene:
    """Gather what the rows need; ``switch``: what a switch of the store needs, too."""
    begin = start_line.start(host, facts.layout, facts.flags)
    return Scene(
        facts=facts,
        found=found,
        start=begin,
        daemons=() if host.asleep else tuple(p for p in processes.every(host) if _dockerd(host, p)),
        link=host.link(facts.daemon_json) or "",
        containerd=_containerd(host, begin),
        snapshotters=containerd.snapshotters(host, facts) if switch else None,
    )


def _dockerd(host: Reader, process: Process) -> bool:
    return process.program == "dockerd" and processes.daemon(host, process)


def _containerd(host: Reader, begin: start_line.Start) -> bool:
    """Whether the containerd that the daemon is told to use is there; one of its own it starts itself."""
    address = command_line.value(begin.argv, "--containerd")
    return address is None or host.stat(address.removeprefix("unix://")) is not None
