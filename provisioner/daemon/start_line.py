"""The daemon's next start: its command line with the variables filled in, and its unit's environment."""

from collections.abc import Mapping
from typing import NamedTuple

from provisioner.daemon import managers
from provisioner.engine import unit
from provisioner.engine.kinds import Layout
from provisioner.model import Reader


class Start(NamedTuple):
    """The daemon's next start: its command line with the variables filled in, and the environment that its unit sets.

    ``main`` is the process that the unit runs now. It is 0 if there is none or systemd does not know it.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    main: int = 0


def start(host: Reader, layout: Layout, running: tuple[str, ...] = ()) -> Start:
    """Return how the daemon will be started. If systemd does not know, use the flags in ``running``.

    systemd prints a command line without its quotes. If ``running`` makes up the same line, its words are used:
    ``--log-opt=tag={{.Name}} {{.ID}}`` is one word.
    """
    known = unit.Command((), {}, 0)
    if managers.by_systemd(host, layout):
        known = unit.command(host, _control(host, layout), layout.unit)
    if not known.argv:
        return Start((layout.dockerd or "dockerd", *running), {}, known.main)
    daemon, *flags = known.argv
    same = " ".join(flags).split() == " ".join(running).split()
    return Start((daemon, *(running if same else flags)), known.environ, known.main)


def properties(host: Reader, layout: Layout, *names: str) -> dict[str, str]:
    """Return properties of the daemon's unit."""
    return unit.properties(host, _control(host, layout), layout.unit, *names)


def stale(host: Reader, layout: Layout) -> str:
    """Return a note if the unit's files have changed since systemd read them, or an empty string.

    What systemd has loaded is what it starts, so plans are made for that. Source: geerlingguy/ansible-role-docker#442.
    """
    control = _control(host, layout)
    if not managers.by_systemd(host, layout) or properties(host, layout, "NeedDaemonReload") != {
        "NeedDaemonReload": "yes"
    }:
        return ""
    again = " ".join((*control, "daemon-reload"))
    return f"{layout.unit} has changed on disk, and the restart uses what systemd read before: run `{again}` first"


def _control(host: Reader, layout: Layout) -> tuple[str, ...]:
    manager = managers.of(host, layout)
    return manager.control if manager else ("systemctl",)
