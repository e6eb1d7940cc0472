"""``provisioner report``: many hosts' results as one table, one JSON summary or one page."""

from provisioner import fleet
from provisioner.commands import Answer
from provisioner.errors import Exit
from provisioner.options import Arguments
from provisioner.system import System


def run(_: System, args: Arguments) -> Answer:
    """Report; what is wrong with a result is part of it."""
    return Answer(fleet.report(args.sources, args.format, args.silent_after, args.expect), Exit.OK)
