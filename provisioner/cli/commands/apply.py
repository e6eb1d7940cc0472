"""``provisioner apply``: make the changes, verify and prove them, and roll back on failure."""

from provisioner.cli import answers, plans, proofs
from provisioner.cli.commands import Answer, configuration, each, named, only, wanted
from provisioner.cli.conversation import record, say
from provisioner.cli.options import Arguments
from provisioner.engine import endpoints
from provisioner.host import System
from provisioner.runs import apply
from provisioner.runs.apply import Outcome


def run(system: System, args: Arguments) -> Answer:
    """Apply the configuration to this host, or with ``--root`` to an image that is not running.

    With ``--repair``, correct only what the configuration's ``repair`` lists.
    """
    if not (args.root or args.repair) and wanted(system, args).engine == endpoints.ALL:
        return each.run(run, system, args)
    done = _done(system, args)
    if done.receipt is not None and not args.root:
        told = plans.left_alone if done.left else plans.outcome
        record(
            "blocked" if done.left else "applied",
            told(done.left, done.receipt, done.put_off),
            receipt=str(done.receipt),
        )
    changed = done.receipt is not None or done.recovered is not None
    if args.format == "json":
        fields = {
            "changed": changed,
            "receipt": done.receipt,
            "recovered": done.recovered,
            "changes": plans.as_json(done.plan),
            "left": plans.as_json(done.left),
            "missing": done.missing,
            "put_off": [w._asdict() for w in done.put_off],
            "proof": proofs.as_json(done.proof),
        }
        word = "blocked" if done.left else "converged"
        return Answer(answers.document(system, "apply", word, done.status, **fields), done.status, changed)
    parts = [proofs.as_text(done.proof.rows, done.proof.digest)] if done.proof else []
    text = "\n".join([*parts, plans.outcome(done.left, done.receipt, done.put_off, image=args.root or "")])
    return Answer(text, done.status, changed)


def _done(system: System, args: Arguments) -> Outcome:
    if args.root:
        from provisioner.image import apply as image

        tree, wanted = image.load(args.root, args.config)
        return image.apply(tree, wanted._replace(only=only(args)), tree.root, say)
    if args.repair:
        return apply.repair(system, configuration(system, args), say)
    asked = {
        "restart": args.restart,
        "confirm_in": args.confirm,
        "suffix": getattr(args, "suffix", ""),
        "delete_caches": args.delete_caches,
    }
    return apply.apply(system, configuration(system, args), say, **asked, only=only(args), engine=named(args))
