"""``provisioner report``: many hosts' results as one table, one JSON summary or one page."""

from provisioner import fleet
from provisioner.cli.commands import Answer
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System


def run(_: System, args: Arguments) -> Answer:
    """Report; what is wrong with a result is part of it."""
    return Answer(fleet.report(args.sources, args.format, args.silent_after, args.expect), Exit.OK)
