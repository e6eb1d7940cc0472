"""``provisioner setup``: install the units and manual pages of a pip installation, or remove them."""

import os
import sys

from provisioner.cli import answers, shipped
from provisioner.cli.commands import Answer
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.runs import session


def run(system: System, args: Arguments) -> Answer:
    """Install or remove the files."""
    session.must_be_root(system)
    if args.remove:
        gone = shipped.take(system)
        if args.format == "json":
            return Answer(answers.document(system, "setup", "ok", Exit.OK, removed=gone), Exit.OK)
        return Answer("removed the units, the manual and the completions" if gone else "nothing was set up", Exit.OK)
    written = shipped.put(system, os.path.abspath(sys.argv[0]))
    if args.format == "json":
        return Answer(answers.document(system, "setup", "ok", Exit.OK, written=list(written)), Exit.OK)
    said = f"{len(written)} files are in {shipped.PREFIX}; an interrupted apply is now undone at the next boot"
    return Answer(f"{said}\ncheck this host every hour: systemctl enable --now {shipped.TIMER}", Exit.OK)
