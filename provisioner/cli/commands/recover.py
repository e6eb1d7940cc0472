"""``provisioner recover``: undo an interrupted apply. At boot, before Docker runs, it restores only files."""

from provisioner.cli import answers
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.runs import rollback


def run(system: System, args: Arguments) -> Answer:
    """Undo an interrupted apply."""
    undone = rollback.recover_files(system, say) if args.files else rollback.recovered(system, say)
    if args.format == "json":
        return Answer(answers.document(system, "recover", "ok", Exit.OK, undone=undone), Exit.OK)
    return Answer(f"undone: receipt {', '.join(map(str, undone))}" if undone else "nothing was cut off", Exit.OK)
