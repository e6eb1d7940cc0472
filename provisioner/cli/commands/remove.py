"""``provisioner remove``: take away what is ours, and nothing else."""

from provisioner.cli import answers
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import record, say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.runs import apply


def run(system: System, args: Arguments) -> Answer:
    """Take away what is ours."""
    undone, gone = apply.remove(system, say)
    if undone or gone:
        numbers = ", ".join(map(str, undone)) or "none"
        record("rolled back", f"removed; undone: receipt {numbers}; left over: {' '.join(gone) or 'nothing'}")
    if args.format == "json":
        return Answer(answers.document("remove", Exit.OK, undone=undone, left_over=gone), Exit.OK)
    if not undone and not gone:
        return Answer("nothing here is ours", Exit.OK)
    return Answer("removed: nothing of ours is left but the receipts in /var/lib/provisioner", Exit.OK)
