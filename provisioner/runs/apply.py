"""Make a plan: journal, act, settle, observe again, prove; or undo it all, newest first."""

from typing import NamedTuple

from provisioner import __version__
from provisioner.builder import buildkitd, leftovers, store
from provisioner.config import load
from provisioner.config.desired import Desired, Restarts
from provisioner.config.load import Configuration
from provisioner.daemon import managers
from provisioner.emulators import keys
from provisioner.emulators.wanted import told
from provisioner.engine import facts, target
from provisioner.errors import Exit, ProvisionerError, RolledBackError
from provisioner.host import System
from provisioner.model import Found
from provisioner.proof import local
from provisioner.proof.local import Proof
from provisioner.runs import compare, freeze, journal, plan, receipts
from provisioner.runs.journal import Journal
from provisioner.runs.rollback import UNDOABLE, recover, rollback, timer, undo
from provisioner.runs.session import entitled, interruptible, must_be_root, own, uninterruptible
from provisioner.steps import Change, Plan, Say, Step
from provisioner.steps.programs import Run

LOOKS = (0.0, 0.2, 0.5, 1.0, 2.0)  # seconds before each look, while what was just started comes up


class Outcome(NamedTuple):
    """How an apply ended. ``receipt`` is None where nothing had to be done; ``proof`` where none could be made.

    ``missing``: the containers, the builder's left out, that ran before the restart and not after it.
    ``recovered``: the receipt of a run that was cut off, and that this one has undone first.
    """

    status: Exit
    plan: Plan
    left: Plan
    receipt: int | None = None
    proof: Proof | None = None
    missing: tuple[str, ...] = ()
    recovered: int | None = None


def apply(
    system: System,
    configuration: Configuration,
    say: Say,
    *,
    restart: str | None = None,
    only: tuple[str, ...] = (),
    engine: str = "",
    suffix: str = "",
    confirm: int | None = None,
) -> Outcome:
    """Make the host as the configuration has it; nothing at all where it is so already.

    ``engine`` and ``restart`` take the place of the configuration's, this once, ``suffix`` behind the builder's
    name; ``only`` names resources.
    ``confirm``: seconds after which systemd takes everything back unless ``confirmed`` was called.
    """
    configured = configuration.desired
    wanted = configured._replace(restart=Restarts(restart) if restart else configured.restart, only=only)
    builder = configured.builder._replace(name=f"{configured.builder.name}{suffix}")
    wanted = wanted._replace(engine=engine or configured.engine, builder=builder)
    system = entitled(system, wanted)
    with system.lock(journal.lock(system)), interruptible():
        freeze.refuse(system, system.now())
        cut = recover(system, say)
        _refuse_unconfirmed(system)
        found = facts.gather(system, wanted)
        system, wanted = target.with_engine(system, wanted, found)
        for note in told(wanted, found):
            say(f"note: {note}")
        made = plan.make(system, found, wanted)
        for _, (_, obstacle) in made.blocked:
            if obstacle.fatal:
                raise ProvisionerError(obstacle.message, hint=obstacle.hint)
        if made.acts:
            before = compare.drift(system, found, wanted)
            outcome = _act(system, wanted, made, before, say, confirm)
        else:
            outcome = Outcome(_status(made), made, made)
        with uninterruptible(last=True):  # it has come to its end, and nobody may be told otherwise
            _remember(system, configuration, wanted.builder.users[0], say)
        return outcome._replace(recovered=cut)


def repair(system: System, configuration: Configuration, say: Say) -> Outcome:
    """Mend what the configuration lets the timer mend, and nothing else.

    No restart, then, and no recovery, which may need one. ProvisionerError: an apply was cut off, and somebody has to
    look first.
    """
    must_be_root(system)
    listed = configuration.desired.repair
    if not listed:
        return Outcome(Exit.OK, Plan(), Plan())
    if not receipts.running(system) and (cut := journal.cut_off(system)):
        reason = f"the apply of {cut.time} (receipt {cut.number}) was cut off"
        raise ProvisionerError(reason, hint="undo it first: provisioner rollback")
    return apply(system, configuration, say, only=listed)


def remove(system: System, say: Say) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Undo every apply, and take away what is left over of ours; the receipts undone, and what that was."""
    system = own(system)
    every = [journal.read(system, n) for n in receipts.numbers(system)]
    undoes = journal.undoes(system)
    first = next((r.number for r in every if r.outcome in UNDOABLE), None)
    undone = rollback(system, first, say) if first is not None or journal.cut_off(system) else ()
    if not every:
        return undone, ()
    with system.lock(journal.lock(system)), interruptible():
        seen = facts.gather(system, every[-1].desired)
        system, _ = target.with_engine(system, every[-1].desired, seen)
        gone = [left for left in leftovers.found(system, seen.socket, undoes) if left.steps] if seen.socket else []
        if gone:
            before = compare.drift(system, seen, every[-1].desired)
            book = Journal(system, receipts.numbers(system)[-1] + 1)
            book.begin(__version__, every[-1].desired, before)
            steps = tuple(step for left in gone for step in left.steps)
            make_change(system, book, Change("left over", (), steps), say)
            book.end("removed")
        return undone, tuple(left.name for left in gone)


def _refuse_unconfirmed(system: System) -> None:
    found = journal.last(system)
    if found is not None and found.outcome == receipts.UNCONFIRMED:
        hint = f"`provisioner confirm` keeps it, `provisioner rollback {found.number}` takes it back"
        raise ProvisionerError(f"the apply of {found.time} (receipt {found.number}) waits to be confirmed", hint=hint)


def _alarm(system: System, number: int, seconds: int) -> Step:
    """The step after which systemd rolls a run back unless it is stopped; another run's lock is waited for."""
    program = system.program("provisioner")
    if program is None or not managers.by_systemd(system):
        hint = "apply without --confirm"
        raise ProvisionerError("only systemd can take an apply back later, with provisioner on its path", hint=hint)
    argv = (
        "systemd-run", *managers.scope(system), "--quiet", f"--unit={timer(number)}", f"--on-active={seconds}",
        "--timer-property=AccuracySec=1s",
        "--property=Type=oneshot", "--property=Restart=on-failure", "--property=RestartSec=5",
        program, "rollback", str(number), "--overdue",
    )  # fmt: skip
    return Run(argv, undo=(Run(("systemctl", *managers.scope(system), "stop", f"{timer(number)}.timer")),))


def _act(system: System, wanted: Desired, made: Plan, before: Found, say: Say, confirm: int | None) -> Outcome:
    """Make a plan's steps, observe and prove; undo them all if anything goes wrong on the way.

    ``before`` is what was seen; a plan's own differences are partly what it foresees.
    """
    book = Journal(system, (receipts.numbers(system) or (0,))[-1] + 1)
    alarm = () if confirm is None else (_alarm(system, book.number, confirm),)
    book.begin(__version__, wanted, before)
    try:
        if alarm:
            make_change(system, book, Change("confirm", (), alarm), say)
        gone = [name for change in made.changes for name in make_change(system, book, change, say)]
        missing = tuple(name for name in gone if not name.startswith(f"buildx_buildkit_{wanted.builder.name}"))
        left = _observed(system, wanted, made)
        proven = None
        if _proves(wanted, left) and (provable := _provable(wanted, left, say)).platforms:
            proven = local.prove(system, facts.gather(system, wanted), provable, say)
            local.judge(proven)
        with uninterruptible(last=True):  # without what these steps throw away there is no way back
            for step in (s for change in made.changes for s in change.last):
                book.step(step, ())
                step.do(system, say)
            book.end(receipts.UNCONFIRMED if confirm is not None else "held" if left else "converged")
    except BaseException as e:  # a signal must not leave the host half changed
        with uninterruptible():
            reason, hint = _words(e)
            say(f"failed: {reason}")
            undo(system, journal.read(system, book.number), "rolled back", say)
            raise RolledBackError(f"{reason}; rolled back, the host is as it was", hint=hint) from e
    return Outcome(_status(left), made, left, book.number, proven, missing)


def _proves(wanted: Desired, left: Plan) -> bool:
    """Whether this run leaves a builder to prove the host with. Emulators alone were run when they were observed."""
    return "builder" in (wanted.only or ("builder",)) and not any(resource == "builder" for resource, _ in left.blocked)


def _provable(wanted: Desired, left: Plan, say: Say) -> Desired:
    """What is wanted without the platforms that are blocked because they do not run."""
    blocked = {b.key for resource, b in left.blocked if resource == keys.NAME}
    for platform in (p for p in wanted.platforms if p in blocked):
        say(f"proof: leave {platform} out, whose emulator is blocked")
    return wanted._replace(platforms=tuple(p for p in wanted.platforms if p not in blocked))


def make_change(system: System, book: Journal, change: Change, say: Say) -> tuple[str, ...]:
    """One change: each step journaled before it is made, then what must follow them, then what tries it.

    The containers that a restart has not brought back.
    """
    missing: tuple[str, ...] = ()
    book.change(change.resource, change.restart)
    for step in change.edits:
        _make(system, book, change.resource, step, say)
    if change.restart:
        book.settle(change.restart)
        say(f"{change.resource}: {change.restart.sentence()}")
        missing = change.restart.do(system, say) or ()
    for step in change.trial:
        _make(system, book, change.resource, step, say)
    return missing


def _make(system: System, book: Journal, resource: str, step: Step, say: Say) -> None:
    book.step(step, step.inverse(system))
    say(f"{resource}: {step.sentence()}")
    step.do(system, say)
    if made := step.made(system):
        book.made(made)


def _observed(system: System, wanted: Desired, made: Plan) -> Plan:
    """What is left of a plan that was made: only what is blocked. ProvisionerError: something else, too."""
    blocked = {(resource, b.key) for resource, b in made.blocked}
    left, odd = Plan(), []
    for seconds in LOOKS:
        system.pause(seconds)
        found = facts.gather(system, wanted)
        seen = compare.drift(system, found, wanted)  # a plan's own are partly what it foresees
        left = plan.make(system, found, wanted)
        odd = [f"{resource}: {d.key} is {d.have}" for resource, d in seen if (resource, d.key) not in blocked]
        if not odd:
            return left
    raise ProvisionerError(f"applied, yet still not as wanted: {'; '.join(odd)}", hint="see `provisioner detect`")


def _status(left: Plan) -> Exit:
    return Exit.BLOCKED if left else Exit.OK


def _words(e: BaseException) -> tuple[str, str | None]:
    """What went wrong, in a sentence and a hint."""
    if isinstance(e, ProvisionerError):
        return e.message, e.hint
    if isinstance(e, OSError) and e.strerror:
        return f"{e.filename or 'this host'}: {e.strerror}", "put it right, and run the same command again"
    return str(e) or type(e).__name__, None


def _remember(system: System, configuration: Configuration, user: str, say: Say) -> None:
    """Keep what was validated and parsed, so that a check need not do so again. A cache never fails a run."""
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
