"""``provisioner confirm``: keep what ``apply --confirm`` made."""

from provisioner.cli import answers
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.runs import rollback


def run(system: System, args: Arguments) -> Answer:
    """Keep it."""
    number = rollback.confirmed(system, say)
    if args.format == "json":
        return Answer(answers.document("confirm", Exit.OK, confirmed=number), Exit.OK)
    return Answer("nothing waits to be confirmed" if number is None else f"confirmed: receipt {number}", Exit.OK)
