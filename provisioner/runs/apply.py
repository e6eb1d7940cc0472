"""Apply a configuration: make a plan, write the journal, change the host, look again, and prove the result.

If anything fails on the way, undo every step, newest first.
"""

from typing import NamedTuple

from provisioner import __version__, secrets
from provisioner.builder import buildkitd, limits, store
from provisioner.config import load
from provisioner.config.desired import Desired, Restarts
from provisioner.config.load import Configuration
from provisioner.emulators import keys
from provisioner.emulators.wanted import told
from provisioner.engine import containers, facts, people, target
from provisioner.errors import Exit, HoldError, ProvisionerError, PutOffError, RolledBackError
from provisioner.host import System
from provisioner.model import Found
from provisioner.proof import local
from provisioner.proof.local import Proof
from provisioner.runs import (
    busy,
    compare,
    confirm,
    freeze,
    journal,
    make,
    plan,
    receipts,
    record,
    rollback,
    versions,
    waiting,
)
from provisioner.runs.journal import Journal
from provisioner.runs.session import entitled, interruptible, must_be_root, uninterruptible
from provisioner.runs.undo import State, undo
from provisioner.runs.waiting import Waiting
from provisioner.steps import Change, Plan, Say
from provisioner.text.states import value

LOOKS = (0.0, 0.2, 0.5, 1.0, 2.0)  # seconds to wait before each look, while what was just started comes up


class Outcome(NamedTuple):
    """How an apply ended.

    ``receipt`` is None if there was nothing to do. ``proof`` is None if there was nothing to prove.
    ``missing`` names the containers that ran before the restart but not after it. The builder's containers do not
    count.
    ``recovered`` is the receipt number of an interrupted run that this apply undid first.
    ``put_off`` is what earlier applies had put off, and this one did.
    """

    status: int
    plan: Plan
    left: Plan
    receipt: int | None = None
    proof: Proof | None = None
    missing: tuple[str, ...] = ()
    recovered: int | None = None
    put_off: tuple[Waiting, ...] = ()


def apply(
    system: System,
    configuration: Configuration,
    say: Say,
    *,
    restart: str | None = None,
    only: tuple[str, ...] = (),
    engine: str = "",
    suffix: str = "",
    confirm_in: int | None = None,
    delete_caches: bool = False,
) -> Outcome:
    """Change the host to match the configuration. If it matches already, change nothing.

    ``engine`` and ``restart`` override the configuration for this run. ``suffix`` is appended to the builder's name.
    ``only`` limits the run to the named resources. ``delete_caches`` deletes the caches of builders that are gone.
    ``confirm_in`` is in seconds. After that time, systemd rolls the apply back unless somebody confirms it.
    """
    configured = configuration.desired
    wanted = configured._replace(restart=Restarts(restart) if restart else configured.restart, only=only)
    builder = configured.builder._replace(name=f"{configured.builder.name}{suffix}")
    wanted = wanted._replace(engine=engine or configured.engine, builder=builder, delete_caches=delete_caches)
    system = entitled(system, wanted)
    with waiting.alone(system, journal.lock(system), wanted), interruptible():
        try:
            freeze.refuse(system, system.now())
        except HoldError as e:
            waiting.put_off(system, wanted, e.message, say)
            raise
        cut = rollback.recover(system, say, wanted=wanted)
        with rollback.told(cut):
            outcome = _apply(system, configuration, wanted, say, confirm_in)
        return outcome._replace(recovered=cut[0] if cut else None)


def _apply(system: System, configuration: Configuration, wanted: Desired, say: Say, confirm_in: int | None) -> Outcome:
    """Plan, act, and record what was made. Only one run at a time gets here."""
    waited, found = waiting.waiting(system), facts.gather(system, wanted)
    asked = people.told(system, wanted.builder.users, found.socket)
    system, wanted = target.with_engine(system, wanted, found)
    confirm.refuse(system, wanted.engine)
    for note in (*told(wanted, found), *asked):
        say(f"note: {note}")
    made = busy.patiently(system, found, wanted, say)
    for _, (_, obstacle) in made.blocked:
        if obstacle.fatal:
            raise ProvisionerError(obstacle.message, hint=obstacle.hint)
    if made.acts:
        before = compare.drift(system, found, wanted)
        try:
            outcome = _act(system, wanted, made, before, say, confirm_in)
        except (RolledBackError, PutOffError, OSError) as e:
            waiting.put_off(system, wanted, _words(e)[0], say)
            raise
    else:
        outcome = Outcome(_status(made), made, made)
    with uninterruptible(last=True):  # the apply has ended, and its result must be reported
        _remember(system, configuration, wanted.builder.users[0], say)
        outcome = outcome._replace(put_off=waiting.done(waited, wanted, outcome.plan, outcome.left))
        record.write(system, wanted, outcome.plan, outcome.receipt, say)
        waiting.write(system, wanted, outcome.left, say)
        _shorten(system, wanted.history, say)
        ready = outcome.status == Exit.OK and system.stat(versions.path(system)) is None
        if outcome.receipt is not None or ready:
            _ask_versions(system, wanted, say)
    return outcome


def repair(system: System, configuration: Configuration, say: Say) -> Outcome:
    """Repair only what the ``repair`` setting lists.

    Repair never restarts Docker. It does not recover an interrupted apply either, because that may need a restart.

    Raises: ProvisionerError if an apply was interrupted, because somebody has to look at that first.
    """
    must_be_root(system)
    listed = configuration.desired.repair
    if not listed:
        return Outcome(Exit.OK, Plan(), Plan())
    if not receipts.running(system) and (cut := journal.cut_off(system)):
        reason = f"the apply of {cut.time} (receipt {cut.number}) was cut off"
        raise ProvisionerError(reason, hint="undo it first: provisioner rollback")
    return apply(system, configuration, say, only=listed)


def _act(system: System, wanted: Desired, made: Plan, before: Found, say: Say, confirm_in: int | None) -> Outcome:
    """Run the steps of a plan, look at the host again, and prove it. On any failure, undo every step.

    ``before`` is what a look at the host found. The plan's own differences are partly predictions.
    """
    book = Journal(system, journal.following(system))
    alarm = () if confirm_in is None else (confirm.alarm(system, book.number, confirm_in),)
    book.begin(__version__, wanted, before, "" if confirm_in is None else confirm.until(system, confirm_in))
    try:
        if alarm:
            make.change(system, book, Change("confirm", (), alarm), say)
        failed = make.attempts(system, book, made, say)
        made = plan.without(made, failed)
        gone = make.changes(system, book, (change for change in made.changes if not change.unless), say)
        missing = tuple(name for name in gone if not containers.ours(name, wanted))
        left = plan.without(_observed(system, wanted, made), failed)
        proven = None
        if _proves(wanted, left) and (provable := _provable(wanted, left, say)).platforms:
            proven = local.prove(system, facts.gather(system, wanted), provable, say)
            local.judge(proven)
        left = plan.without(_tidied(system, book, wanted, made, left, say), failed)
        last = tuple(step for change in made.changes for step in change.last)
        for step in last:
            book.last(step)
    except BaseException as e:  # a signal must not leave the host half changed
        with uninterruptible():
            system.end_programs()
            reason, hint = _words(e)
            say(f"failed: {reason}")
            undo(system, (journal.read(system, book.number),), "rolled back", say, State.FAILED)
            kind = PutOffError if isinstance(e, PutOffError) else RolledBackError
            raise kind(f"{reason}; rolled back, the host is as it was", hint=hint) from e
    with uninterruptible(last=True):  # the host is proven, and nothing undoes the run from here on
        _ended(book, receipts.UNCONFIRMED if alarm else "held" if left else "converged", say)
        if not alarm:
            make.last(system, last, say)
    return Outcome(_status(left), made, left, book.number, proven, missing)


def _tidied(system: System, book: Journal, wanted: Desired, made: Plan, left: Plan, say: Say) -> Plan:
    """Remove what is no longer wanted. It comes last, because a run that fails must not have to bring it back.

    Returns: the plan that is left then.
    """
    if not any(change.after for change in made.changes):
        return left
    for change in made.changes:
        make.after(system, book, change, say)
    return _observed(system, wanted, made, tidied=True)


def _ended(book: Journal, outcome: str, say: Say) -> None:
    """Record that a run ended well. A failure to record it does not undo the run."""
    try:
        book.end(outcome)
    except (OSError, ProvisionerError) as e:
        say(f"note: the history does not say that this apply has ended: {e}")


def _proves(wanted: Desired, left: Plan) -> bool:
    """Return whether this run leaves a builder to prove the host with. Emulators were already run when observed."""
    return "builder" in (wanted.only or ("builder",)) and not any(resource == "builder" for resource, _ in left.blocked)


def _provable(wanted: Desired, left: Plan, say: Say) -> Desired:
    """Return the wanted configuration without the platforms whose emulators are blocked."""
    blocked = {b.key for resource, b in left.blocked if resource == keys.NAME}
    for platform in (p for p in wanted.platforms if p in blocked):
        say(f"proof: leave {platform} out, whose emulator is blocked")
    return wanted._replace(platforms=tuple(p for p in wanted.platforms if p not in blocked))


def _observed(system: System, wanted: Desired, made: Plan, *, tidied: bool = False) -> Plan:
    """Return the plan that is left after the changes. It contains only what is blocked.

    Until a run has ``tidied``, what it removes at its end still differs.

    Raises: ProvisionerError if anything else is still not as wanted.
    """
    blocked = {(resource, b.key) for resource, b in made.blocked}
    blocked |= set() if tidied else {(c.resource, key) for c in made.changes for key in c.late}
    left, odd = Plan(), []
    for seconds in LOOKS:
        system.pause(seconds)
        found = facts.gather(system, wanted)
        seen = compare.drift(system, found, wanted)  # not the plan's differences, which are partly predictions
        left = plan.make(system, found, wanted)
        odd = [
            f"{resource}: {d.key}: {value(secrets.value(d.key, d.have))}"
            for resource, d in seen
            if (resource, d.key) not in blocked
        ]
        if not odd:
            return left
    reason = f"the change was made, but it did not take effect: {'; '.join(odd)}"
    raise ProvisionerError(reason, hint="see `provisioner detect`")


def _status(left: Plan) -> int:
    return Exit.BLOCKED if left else Exit.OK


def _words(e: BaseException) -> tuple[str, str | None]:
    """Return what went wrong as a sentence, and a hint."""
    if isinstance(e, ProvisionerError):
        return e.message, e.hint
    if isinstance(e, OSError) and e.strerror:
        return f"{e.filename or 'this host'}: {e.strerror}", "put it right, and run the same command again"
    return str(e) or type(e).__name__, None


def _shorten(system: System, keep: int, say: Say) -> None:
    """Shorten the history. A failure leaves it longer, and does not fail the run."""
    if len(receipts.numbers(system)) <= keep:
        return
    from provisioner.runs import prune

    try:
        prune.prune(system, keep)
    except (ProvisionerError, OSError) as e:
        say(f"note: the history could not be shortened: {e}")


def _ask_versions(system: System, wanted: Desired, say: Say) -> None:
    """Keep the versions of what now runs here, for checks. A failure to keep them does not fail the run."""
    try:
        journal.prepare(system)
        versions.keep(system, facts.gather(system, wanted, quick=True, far=False), wanted)
        if ignored := limits.note(system, wanted.builder):
            say(f"note: {ignored}")
    except (ProvisionerError, OSError) as e:
        say(f"note: the versions of QEMU and BuildKit could not be kept: {e}")


def _remember(system: System, configuration: Configuration, user: str, say: Say) -> None:
    """Cache the validated and parsed files, so that a check does not need to parse them again.

    A failure to write the cache does not fail the run.
    """
    builder = configuration.desired.builder.name
    memories = {load.remembered(system): load.memory(configuration)}
    try:
        if account := system.account(user):
            instance = store.instance(system, store.of(system, account), builder)
            files = instance.nodes[0].files if instance and instance.nodes else None
            if text := (files or {}).get(buildkitd.NAME):
                memories[buildkitd.remembered(system)] = buildkitd.memory(text)
        for place, memory in memories.items():
            if memory is not None and memory != system.read(place):
                journal.prepare(system)
                system.write(place, memory, 0o600)
    except (ProvisionerError, OSError) as e:
        say(f"note: checks will take longer, because what was read could not be kept: {e}")
