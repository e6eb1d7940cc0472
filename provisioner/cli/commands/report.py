"""``provisioner report``: many hosts' results as one table, one JSON summary or one page."""

from provisioner import fleet
from provisioner.cli.commands import Answer
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System


def run(_: System, args: Arguments) -> Answer:
    """Report; what is wrong with a result is part of it. ``--fail-on`` makes a state of a host an exit status."""
    gathered = fleet.gather(args.sources, args.silent_after, args.expect)
    status = Exit.DRIFT if fleet.failing(gathered, args.fail_on or ()) else Exit.OK
    return Answer(fleet.render(gathered, args.format, status), status)
