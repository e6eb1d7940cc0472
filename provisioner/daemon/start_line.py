"""The daemon's next start: its command line with variables filled in, and its unit's environment."""

from collections.abc import Mapping
from typing import NamedTuple

from provisioner.daemon import managers
from provisioner.engine import unit
from provisioner.engine.kinds import Layout
from provisioner.model import Reader


class Start(NamedTuple):
    """The daemon's next start: its command line, variables filled in, and what of its environment is its unit's.

    ``main``: the process that the unit runs now; 0: none, or no systemd knows.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    main: int = 0


def start(host: Reader, layout: Layout, running: tuple[str, ...] = ()) -> Start:
    """How the daemon will be started; where no systemd knows that, as it was when ``running`` were its flags.

    systemd tells the words of a command line without what kept them apart, so those of ``running`` count where they
    make up the same line: one of ``--log-opt=tag={{.Name}} {{.ID}}`` is one.
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
    """Properties of the daemon's unit."""
    return unit.properties(host, _control(host, layout), layout.unit, *names)


def _control(host: Reader, layout: Layout) -> tuple[str, ...]:
    manager = managers.of(host, layout)
    return manager.control if manager else ("systemctl",)
