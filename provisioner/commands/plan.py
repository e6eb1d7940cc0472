"""``provisioner plan``: say what apply would do."""

import argparse

from provisioner import desired, facts, journal, plan
from provisioner.commands import Answer, only
from provisioner.conversation import tell
from provisioner.errors import Exit
from provisioner.report import answers, plans
from provisioner.system import System


def run(host: System, args: argparse.Namespace) -> Answer:
    """Say what apply would do."""
    wanted = desired.load(host, args.config)._replace(only=only(args))
    seen = facts.gather(host, wanted, quick=args.quick)
    tell(wanted, seen)
    made = plan.make(host, seen, wanted)
    cut = journal.interrupted(host)
    status = Exit.DRIFT if made or cut else Exit.OK
    if args.format == "json":
        return Answer(answers.document("plan", status, changes=plans.as_json(made), interrupted=cut), status)
    note = f"an apply was cut off (receipt {cut}): `provisioner apply` or `rollback` undoes it\n" if cut else ""
    return Answer(note + plans.as_text(made), status)
