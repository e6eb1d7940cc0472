"""``provisioner release``: end a hold, so that applies can run again."""

from provisioner.cli import answers
from provisioner.cli.commands import Answer
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.runs import freeze, session


def run(system: System, args: Arguments) -> Answer:
    """End the hold."""
    session.must_be_root(system)
    ended = freeze.release(system)
    if args.format == "json":
        return Answer(answers.document(system, "release", "ok", Exit.OK, hold=ended and ended._asdict()), Exit.OK)
    return Answer("applies go on" if ended else "applies were not held", Exit.OK)
