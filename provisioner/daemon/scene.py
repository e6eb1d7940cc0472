"""The data for the table of obstacles: daemon.json, the daemon's next start, and this host's other daemons."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from provisioner.daemon import containerd, makers, start_line
from provisioner.engine import processes
from provisioner.engine.facts import Facts
from provisioner.engine.processes import Process
from provisioner.model import Reader
from provisioner.text import command_line


class Scene(NamedTuple):
    """What the rows check: the planned daemon.json, the daemon's next start, and the other daemons of this host."""

    facts: Facts
    found: Mapping[str, Any]
    start: start_line.Start
    daemons: tuple[Process, ...]
    maker: str
    containerd: bool
    snapshotters: frozenset[str] | None


def look(host: Reader, facts: Facts, found: Mapping[str, Any], *, switch: bool = False) -> Scene:
    """Collect the data for the rows. ``switch`` adds what only a switch of the store needs."""
    begin = start_line.start(host, facts.layout, facts.flags)
    return Scene(
        facts=facts,
        found=found,
        start=begin,
        daemons=() if host.asleep else tuple(p for p in processes.every(host) if _dockerd(host, p)),
        maker=makers.sign(host, facts.daemon_json),
        containerd=_containerd(host, begin),
        snapshotters=containerd.snapshotters(host, facts) if switch else None,
    )


def _dockerd(host: Reader, process: Process) -> bool:
    return process.program == "dockerd" and processes.daemon(host, process)


def _containerd(host: Reader, begin: start_line.Start) -> bool:
    """Whether the containerd in the daemon's flags exists. Without that flag, the daemon finds or starts one."""
    address = command_line.value(begin.argv, "--containerd")
    return address is None or host.stat(address.removeprefix("unix://")) is not None
