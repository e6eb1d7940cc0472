"""``provisioner plan``: show what apply would do, and what old builders left on the host."""

from provisioner.builder import leftovers
from provisioner.builder.leftovers import LeftOver
from provisioner.cli import answers, plans
from provisioner.cli.commands import Answer, colored, each, only, wanted
from provisioner.cli.conversation import say, tell
from provisioner.cli.options import Arguments
from provisioner.cli.plans import Line
from provisioner.engine import api, endpoints, facts, target
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.model import Unknown
from provisioner.runs import freeze, journal, plan, receipts
from provisioner.steps import Plan


def run(host: System, args: Arguments) -> Answer:
    """Show what apply would do."""
    if not args.root and wanted(host, args).engine == endpoints.ALL:
        return each.run(run, host, args)
    at, made, left = _image(args) if args.root else _running(host, args)
    cut = receipts.interrupted(at)
    unseen = bool(made) and all(isinstance(d.have, Unknown) for _, d in made.differences)
    status = Exit.FAILED if unseen and not cut else Exit.DRIFT if made or cut else Exit.OK
    if args.format == "json":
        on = freeze.read(at, at.now())
        lines = [{"name": x.name, "why": x.why, "ours": x.ours, "bytes": x.size} for x in left]
        more = {"notes": made.notes, "left_over": lines, "interrupted": cut, "hold": on and on._asdict()}
        word = "interrupted" if cut else "unknown" if unseen else "changes" if made else "in-sync"
        return Answer(answers.document(at, "plan", word, status, changes=plans.as_json(made), **more), status)
    note = f"an apply was cut off (receipt {cut}): `provisioner apply` or `rollback` undoes it"
    told = (*(f"note: {note}" for note in made.notes), *(f"left over: {thing}" for thing in left))
    shown = (*((Line(note),) if cut else ()), *plans.lines(made), *map(Line, told))
    return Answer(plans.as_text(shown, colored=colored(host, args)), status)


def _running(host: System, args: Arguments) -> tuple[System, Plan, tuple[LeftOver, ...]]:
    asked = wanted(host, args)
    seen = facts.gather(host, asked, quick=args.quick)
    tell(host, asked, seen)
    host, asked = target.with_engine(host, asked, seen)
    made = plan.make(host, seen, asked)
    if not seen.socket:
        return host, made, ()
    version = api.prefix(seen.engine)
    return host, made, leftovers.found(host, seen.socket, journal.undoes(host), asked.builder.name, version)


def _image(args: Arguments) -> tuple[System, Plan, tuple[LeftOver, ...]]:
    from provisioner.image import apply as image

    tree, asked = image.load(args.root, args.config)
    return tree, image.look(tree, asked._replace(only=only(args)), tree.root, say), ()
