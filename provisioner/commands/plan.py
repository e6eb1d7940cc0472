"""``provisioner plan``: say what apply would do."""

import argparse

from provisioner import facts, hold, plan, receipts
from provisioner.acts import Plan
from provisioner.commands import Answer, only, wanted
from provisioner.conversation import say, tell
from provisioner.errors import Exit
from provisioner.report import answers, plans
from provisioner.system import System


def run(host: System, args: argparse.Namespace) -> Answer:
    """Say what apply would do."""
    host, made = _offline(args) if args.root else _running(host, args)
    cut = receipts.interrupted(host)
    status = Exit.DRIFT if made or cut else Exit.OK
    if args.format == "json":
        on = hold.read(host, host.now())
        fields = {"changes": plans.as_json(made), "interrupted": cut, "hold": on and on._asdict()}
        return Answer(answers.document("plan", status, **fields), status)
    note = f"an apply was cut off (receipt {cut}): `provisioner apply` or `rollback` undoes it\n" if cut else ""
    return Answer(note + plans.as_text(made), status)


def _running(host: System, args: argparse.Namespace) -> tuple[System, Plan]:
    asked = wanted(host, args)
    seen = facts.gather(host, asked, quick=args.quick)
    tell(host, asked, seen)
    host, asked = facts.bound(host, asked, seen)
    return host, plan.make(host, seen, asked)


def _offline(args: argparse.Namespace) -> tuple[System, Plan]:
    from provisioner import offline

    image, asked = offline.load(args.root, args.config)
    return image, offline.look(image, asked._replace(only=only(args)), args.root, say)
