"""``provisioner rollback``: undo the last apply, or all applies since an entry of the history, or only plan that."""

from provisioner.cli import answers, past
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import record, say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit, UsageError
from provisioner.host import System
from provisioner.runs import confirm, rollback, session


def run(system: System, args: Arguments) -> Answer:
    """Undo applies. With options, only plan that, or accept what an apply or a rollback left."""
    if args.plan:
        return _plan(session.own(system), args)
    if args.accept:
        return _accept(system, args)
    if args.overdue and args.receipt is not None:
        undone = confirm.overdue(system, args.receipt, say)
    else:
        undone = rollback.rollback(system, args.receipt, say)
    numbers = ", ".join(map(str, undone))
    if undone:
        record("rolled back", f"undone: receipt {numbers}")
    if args.format == "json":
        return Answer(answers.document(system, "rollback", "ok", Exit.OK, undone=undone), Exit.OK)
    return Answer(f"undone: receipt {numbers}; the host is as it was before" if undone else "nothing to undo", Exit.OK)


def _plan(host: System, args: Arguments) -> Answer:
    """Show what a rollback would do, newest apply first."""
    found = rollback.planned(host, args.receipt)
    restarts = rollback.restarts(found)
    runs = [past.planned(receipt, items) for receipt, items in found]
    notes = rollback.takes(host, found)
    if args.format == "json":
        fields = {"undone": [], "would_undo": runs, "restarts": restarts, "notes": notes}
        return Answer(answers.document(host, "rollback", "planned", Exit.OK, **fields), Exit.OK)
    if not runs:
        return Answer("nothing to undo", Exit.OK)
    lines = []
    for entry in runs:
        lines.append(f"undo entry {entry['number']} of {entry['time']} ({entry['outcome']}):")
        lines += [f"  - {step['does']}{_fate(step['fate'])}" for step in entry["steps"]] or ["  - nothing"]
    lines += [f"note: {note}" for note in notes]
    lines.append("Docker restarts once" if restarts else "Docker is not restarted")
    return Answer("\n".join(lines), Exit.OK)


def _accept(system: System, args: Arguments) -> Answer:
    """Keep what an apply made or its rollback left."""
    if args.receipt is None:
        raise UsageError("--accept needs the number of an entry", hint="`provisioner history` lists all of them")
    found = rollback.accept(system, args.receipt)
    if args.format == "json":
        return Answer(answers.document(system, "rollback", "accepted", Exit.OK, undone=[], accepted=found.number), 0)
    return Answer(f"accepted: entry {found.number} stays as it is, and no rollback will try it again", Exit.OK)


def _fate(fate: str) -> str:
    return "" if fate == past.DO else f" (not done: {past.FATES[fate]})"
