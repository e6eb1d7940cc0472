"""``provisioner report``: many hosts' results as one table, one JSON summary or one page."""

import argparse

from provisioner import fleet
from provisioner.commands import Answer
from provisioner.errors import Exit
from provisioner.system import System


def run(_: System, args: argparse.Namespace) -> Answer:
    """Report; what is wrong with a result is part of it."""
    return Answer(fleet.report(args.sources, args.format, args.silent_after, args.expect), Exit.OK)
