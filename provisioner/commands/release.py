"""``provisioner release``: let applies go on."""

from provisioner import hold, session
from provisioner.commands import Answer
from provisioner.errors import Exit
from provisioner.options import Arguments
from provisioner.report import answers
from provisioner.system import System


def run(system: System, args: Arguments) -> Answer:
    """End the hold."""
    session.must_be_root(system)
    ended = hold.release(system)
    if args.format == "json":
        return Answer(answers.document("release", Exit.OK, hold=ended and ended._asdict()), Exit.OK)
    return Answer("applies go on" if ended else "applies were not held", Exit.OK)
