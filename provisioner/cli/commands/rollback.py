"""``provisioner rollback``: undo the last apply, or all since a receipt."""

from provisioner.cli import answers
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import record, say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.runs import confirm, rollback


def run(system: System, args: Arguments) -> Answer:
    """Undo."""
    if args.overdue and args.receipt is not None:
        undone = confirm.overdue(system, args.receipt, say)
    else:
        undone = rollback.rollback(system, args.receipt, say)
    numbers = ", ".join(map(str, undone))
    if undone:
        record("rolled back", f"undone: receipt {numbers}")
    if args.format == "json":
        return Answer(answers.document("rollback", Exit.OK, undone=undone), Exit.OK)
    return Answer(f"undone: receipt {numbers}; the host is as it was before" if undone else "nothing to undo", Exit.OK)
