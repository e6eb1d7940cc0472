"""``provisioner confirm``: keep what ``apply --confirm`` made."""

from provisioner import undoing
from provisioner.commands import Answer
from provisioner.conversation import say
from provisioner.errors import Exit
from provisioner.options import Arguments
from provisioner.report import answers
from provisioner.system import System


def run(system: System, args: Arguments) -> Answer:
    """Keep it."""
    number = undoing.confirmed(system, say)
    if args.format == "json":
        return Answer(answers.document("confirm", Exit.OK, confirmed=number), Exit.OK)
    return Answer("nothing waits to be confirmed" if number is None else f"confirmed: receipt {number}", Exit.OK)
