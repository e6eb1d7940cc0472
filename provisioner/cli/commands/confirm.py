"""``provisioner confirm``: keep the changes of ``apply --confirm``."""

from provisioner.cli import answers
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.runs import confirm


def run(system: System, args: Arguments) -> Answer:
    """Keep the changes."""
    kept = confirm.confirmed(system, say)
    if args.format == "json":
        return Answer(answers.document(system, "confirm", "ok", Exit.OK, confirmed=kept[-1] if kept else None), Exit.OK)
    return Answer(
        f"confirmed: receipt {', '.join(map(str, kept))}" if kept else "nothing waits to be confirmed", Exit.OK
    )
