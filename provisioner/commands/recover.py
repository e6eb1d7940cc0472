"""``provisioner recover``: undo what was cut off; at boot, before the engine runs, its files alone."""

from provisioner import undoing
from provisioner.commands import Answer
from provisioner.conversation import say
from provisioner.errors import Exit
from provisioner.options import Arguments
from provisioner.report import answers
from provisioner.system import System


def run(system: System, args: Arguments) -> Answer:
    """Undo what was cut off."""
    number = undoing.recover_files(system, say) if args.files else undoing.recovered(system, say)
    if args.format == "json":
        return Answer(answers.document("recover", Exit.OK, undone=[number] if number else []), Exit.OK)
    return Answer("nothing was cut off" if number is None else f"undone: receipt {number}", Exit.OK)
