"""``provisioner remove``: remove what provisioner owns, and nothing else."""

from provisioner.cli import answers
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import record, say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.runs import removal, session
from provisioner.runs.removal import Removal
from provisioner.runs.undo import CHANGED, DO


def run(system: System, args: Arguments) -> Answer:
    """Remove what provisioner owns."""
    left: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    if args.plan:
        own = session.own(system)
        found = removal.plan(own)
        notes = removal.takes(own, found)
    else:
        found, left = removal.remove(system, say)
    status = Exit.FAILED if left else Exit.OK
    numbers = tuple(r.number for r in reversed(found.receipts))
    if found.items and not args.plan:
        record("rolled back", f"removed; receipts: {', '.join(map(str, numbers)) or 'none'}")
    if args.format == "json":
        things = [{"does": item.step.sentence(), "fate": item.fate} for item in found.items]
        fields = {"plan": args.plan, "undone": () if args.plan else numbers, "things": things, "notes": notes}
        return Answer(
            answers.document(
                system,
                "remove",
                "planned" if args.plan else "failed" if left else "ok",
                status,
                **fields,
                left_over=left,
            ),
            status,
        )
    return Answer(_text(found, left, system.state, notes, plan=args.plan), status)


def _text(found: Removal, left: tuple[str, ...], state: str, notes: tuple[str, ...], *, plan: bool) -> str:
    """Describe what would be removed, or how the removal ended."""
    if not found.items:
        return "nothing here is ours"
    if plan:
        lines = [f"- {item.step.sentence()}" for item in found.items if item.fate == DO]
        lines += [f"- then {part.restart.sentence()}" for part in found.parts if part.restart]
        kept = [item.step.sentence() for item in found.items if item.fate == CHANGED]
        lines += [f"stays, because somebody has changed that since: {words}" for words in kept]
        lines += [f"note: {note}" for note in notes]
        return "\n".join(lines) or "nothing of ours is left"
    if left:
        return "\n".join(("could not be removed; run the same command again:", *(f"- {words}" for words in left)))
    return f"removed: nothing of ours is left but the history in {state}"
