"""``provisioner prove``: build, inspect and run an image for every platform, optionally through a registry."""

from provisioner.cli import answers, proofs
from provisioner.cli.commands import Answer, wanted
from provisioner.cli.conversation import say, tell
from provisioner.cli.options import Arguments
from provisioner.config import parse
from provisioner.config.desired import Desired
from provisioner.engine import facts, target
from provisioner.engine.facts import Facts
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.proof import local
from provisioner.runs import journal, rollback, session
from provisioner.text import terminal


def run(system: System, args: Arguments) -> Answer:
    """Undo an interrupted apply, if any, then prove the platforms. A member of the group docker may, too."""
    asked = wanted(system, args)
    system = session.prover(system, asked)
    if args.platforms:
        asked = asked._replace(platforms=parse.platform_list(args.platforms))
    with system.lock(journal.lock(system)):
        rollback.recover(system, say, wanted=asked)
        seen = facts.gather(system, asked)
        tell(system, asked, seen)
        system, asked = target.with_engine(system, asked, seen)
        if system.uid != 0:  # a user proves with the builder that this user has
            asked = asked._replace(builder=asked.builder._replace(users=(system.user,)))
        if args.time:
            return _timed(system, seen, asked, args)
        if args.pull and (failed := _unpulled(system, seen, asked, args)):
            return failed
        if args.cache:
            return _cached(system, seen, asked, args)
        if args.registry:
            return _pushed(system, seen, asked, args)
        proven = local.prove(system, seen, asked, say)
    status = Exit.OK if proven.complete else Exit.FAILED
    if args.format == "json":
        rows = [r._asdict() for r in proven.rows]
        document = answers.document(system, "prove", _word(status), status, index=proven.digest, platforms=rows)
        return Answer(document, status)
    return Answer(proofs.as_text(proven.rows, proven.digest), status)


def _word(status: int) -> str:
    return "proven" if status == Exit.OK else "not-proven"


def _unpulled(system: System, seen: Facts, wanted: Desired, args: Arguments) -> Answer | None:
    """Let the builder pull an image. Returns an answer if that fails, because then no real build works either."""
    from provisioner.proof import pull

    found = pull.pull(system, seen, wanted, args.pull, say)
    if all(one.pulled for one in found):
        return None
    if args.format == "json":
        rows = [one._asdict() for one in found]
        fields = {"index": "", "platforms": [], "image": args.pull, "pulled": rows}
        document = answers.document(system, "prove", _word(Exit.FAILED), Exit.FAILED, **fields)
        return Answer(document, Exit.FAILED)
    rows_ = (("PLATFORM", "PULLED"), *((one.platform, "yes" if one.pulled else f"no: {one.error}") for one in found))
    return Answer(terminal.columns(rows_), Exit.FAILED)


def _timed(system: System, seen: Facts, wanted: Desired, args: Arguments) -> Answer:
    """Measure how much slower the emulated platforms are. It fails if a platform that should run does not."""
    from provisioner.proof import timing

    found = timing.measure(system, seen, wanted, say)
    status = Exit.OK if any(row.compute_seconds for row in found) else Exit.FAILED
    if args.format == "json":
        rows = [{**row._asdict(), "why": row.why or None} for row in found]
        word = "measured" if status == Exit.OK else "not-proven"
        return Answer(answers.document(system, "prove", word, status, index="", platforms=[], times=rows), status)
    return Answer(proofs.times(found), status)


def _cached(system: System, seen: Facts, wanted: Desired, args: Arguments) -> Answer:
    """Prove a shared cache. It is proven when every platform came from the cache."""
    from provisioner.proof import cache

    rows = cache.prove(system, seen, wanted, args.cache, say)
    status = Exit.OK if all(row.cached for row in rows) else Exit.FAILED
    if args.format == "json":
        found = {"reference": args.cache, "platforms": [row._asdict() for row in rows]}
        document = answers.document(system, "prove", _word(status), status, index="", platforms=[], cache=found)
        return Answer(document, status)
    table = [("PLATFORM", "FROM THE CACHE"), *((r.platform, "yes" if r.cached else "no, stored now") for r in rows)]
    return Answer(terminal.columns(table), status)


def _pushed(system: System, seen: Facts, wanted: Desired, args: Arguments) -> Answer:
    """Prove the platforms through a registry."""
    from provisioner.proof import by_registry

    proven = by_registry.prove(system, seen, wanted, args.registry, say)
    status = Exit.OK if proven.complete else Exit.FAILED
    if args.format == "json":
        manifests = [m._asdict() for m in proven.manifests]
        rows = [r._asdict() for r in proven.rows]
        there = {"reference": proven.reference, "media_type": proven.media_type, "manifests": manifests}
        fields = {"index": proven.digest, "platforms": rows, "registry": {**there, "left": proven.left or None}}
        return Answer(answers.document(system, "prove", _word(status), status, **fields), status)
    table = terminal.columns((("PLATFORM", "DIGEST", "MEDIA TYPE"), *proven.manifests))
    parts = [
        proofs.as_text(proven.rows, proven.digest),
        f"{proven.reference} ({proven.media_type})",
        table,
        proven.left,
    ]
    return Answer("\n".join(p for p in parts if p), status)
