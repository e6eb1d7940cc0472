"""``provisioner report``: show the results of many hosts as one table, JSON summary or page."""

from provisioner import fleet
from provisioner.cli.commands import Answer
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System


def run(_: System, args: Arguments) -> Answer:
    """Report the results, including bad ones. ``--fail-on`` turns the state of a host into an exit status."""
    gathered = fleet.gather(args.sources, args.silent_after, args.expect)
    status = Exit.DRIFT if fleet.failing(gathered, args.fail_on or ()) else Exit.OK
    return Answer(fleet.render(gathered, args.format, status), status)
