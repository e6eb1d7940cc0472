"""Interpret steps: journal, act, settle, observe again, prove; or undo it all, newest first."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple, assert_never

from provisioner import (
    __version__,
    binfmt,
    copyout,
    desired,
    emulated,
    facts,
    hold,
    journal,
    jsontext,
    migration,
    plan,
    proof,
    report,
    service,
)
from provisioner.buildx import leftovers
from provisioner.desired import Desired
from provisioner.errors import DeniedError, Exit, ProvisionerError, RollbackFailedError, RolledBackError
from provisioner.journal import Found, Journal, Receipt
from provisioner.model import (
    CompareImages,
    CopyImage,
    CopyOut,
    Discard,
    MakeDirectory,
    Plan,
    Reader,
    Register,
    Reload,
    RemoveDirectory,
    RemoveFile,
    Restart,
    Run,
    SetLeaf,
    SetOwner,
    Step,
    Unregister,
    WriteFile,
)
from provisioner.proof import Proof
from provisioner.system import System

Say = Callable[[str], None]
LOOKS = (0.0, 0.2, 0.5, 1.0, 2.0)  # seconds before each look, while what was just started comes up
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
UNDOABLE = ("converged", "held", journal.UNCONFIRMED)
FILES = (MakeDirectory, RemoveDirectory, WriteFile, RemoveFile, SetLeaf)  # what can be put back without an engine


class Outcome(NamedTuple):
    """How an apply ended. ``receipt`` is None where nothing had to be done; ``proof`` where none could be made."""

    status: Exit
    plan: Plan
    left: Plan
    receipt: int | None = None
    proof: Proof | None = None


class Interrupted(BaseException):
    """A signal asked us to stop."""


def apply(
    system: System,
    path: str | None,
    say: Say,
    *,
    restart: str | None = None,
    only: tuple[str, ...] = (),
    confirm: int | None = None,
) -> Outcome:
    """Make the host as the configuration has it; nothing at all where it is so already.

    ``restart`` takes the place of the configuration's policy and window, this once; ``only`` names resources.
    ``confirm``: seconds after which systemd takes everything back unless ``confirmed`` was called.
    """
    must_be_root(system)
    configured = desired.load(system, path)
    wanted = configured._replace(restart=desired.Restarts(restart) if restart else configured.restart, only=only)
    with system.lock(journal.LOCK), _interruptible():
        hold.refuse(system, system.now())
        recover(system, say)
        _refuse_unconfirmed(system)
        found = facts.gather(system, wanted)
        for sentence in emulated.told(wanted, found):
            say(f"note: {sentence}")
        made = plan.make(system, found, wanted)
        for _, held in made.held:
            if held.fatal:
                raise ProvisionerError(held.reason, hint=held.hint)
        if made.acts:
            before = plan.compare(system, found, wanted).differences
            outcome = _act(system, wanted, made, before, say, confirm)
        else:
            outcome = Outcome(_status(made), made, made)
        _remember(system, path, configured)
        return outcome


def repair(system: System, path: str | None, say: Say) -> Outcome:
    """Mend what the configuration lets the timer mend, and nothing else.

    No restart, then, and no recovery, which may need one. ProvisionerError: an apply was cut off, and somebody has to
    look first.
    """
    must_be_root(system)
    listed = desired.load(system, path).repair
    if not listed:
        return Outcome(Exit.OK, Plan(), Plan())
    if cut := journal.cut_off(system):
        reason = f"the apply of {cut.time} (receipt {cut.number}) was cut off"
        raise ProvisionerError(reason, hint="undo it first: provisioner rollback")
    return apply(system, path, say, only=listed)


def rollback(system: System, number: int | None, say: Say) -> tuple[int, ...]:
    """Undo the last apply, or go back to before receipt ``number``; the receipts undone, newest first."""
    must_be_root(system)
    with system.lock(journal.LOCK), _interruptible():
        cut = recover(system, say)
        known = [r for r in (journal.read(system, n) for n in journal.numbers(system)) if r.outcome in UNDOABLE]
        if number is not None and number not in [r.number for r in known]:
            journal.read(system, number)  # says so where there is none at all
            raise ProvisionerError(f"receipt {number} has been undone already", hint="leave the number away")
        if cut is not None and number == cut:
            return (cut,)
        chosen = [r for r in known if r.number >= number] if number is not None else [] if cut else known[-1:]
        for receipt in reversed(chosen):
            say(f"undoing the apply of {receipt.time} (receipt {receipt.number})")
            _undo(system, receipt, "undone", say)
        return (*((cut,) if cut else ()), *(r.number for r in reversed(chosen)))


def remove(system: System, say: Say) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Undo every apply, and take away the caches of builders that were ours; the receipts undone, the volumes."""
    must_be_root(system)
    receipts = [journal.read(system, n) for n in journal.numbers(system)]
    first = next((r.number for r in receipts if r.outcome in UNDOABLE), None)
    undone = rollback(system, first, say) if first is not None else ()
    if not receipts:
        return undone, ()
    with system.lock(journal.LOCK), _interruptible():
        seen = facts.gather(system, receipts[-1].desired)
        names = frozenset(r.desired.builder.name for r in receipts)
        gone = [v.volume for v in leftovers.volumes(system, seen.socket, names) if v.ours] if seen.socket else []
        if gone:
            book = Journal(system, journal.numbers(system)[-1] + 1)
            book.begin(__version__, receipts[-1].desired, ())
            steps = tuple(Run(("docker", "volume", "rm", volume)) for volume in gone)
            make_change(system, book, "left over", steps, (), say)
            book.end("removed")
        return undone, tuple(gone)


def recovered(system: System, say: Say) -> int | None:
    """``recover`` as a run of its own."""
    must_be_root(system)
    with system.lock(journal.LOCK), _interruptible():
        return recover(system, say)


def recover(system: System, say: Say) -> int | None:
    """Undo a run that was cut off; its number. Never finished: what it was in the middle of may be why it ended."""
    cut = journal.cut_off(system)
    if cut is None:
        return None
    say(f"the apply of {cut.time} (receipt {cut.number}) was cut off: undoing it first")
    _undo(system, cut, "rolled back", say)
    return cut.number


def recover_files(system: System, say: Say) -> int | None:
    """Put back the files of a run that was cut off, or that nobody confirmed before the host went down; its number.

    For a boot, before the engine starts: the rest of the undo needs it, and makes these steps again.
    """
    must_be_root(system)
    with system.lock(journal.LOCK):
        found = journal.last(system)
        if found is None or found.outcome not in (None, journal.FAILED, journal.UNCONFIRMED):
            return None
        say(f"the apply of {found.time} (receipt {found.number}) was cut off: putting its files back")
        for step in found.undo:
            if isinstance(step, FILES) and (note := _try(step, system, say)):
                say(note)
        Journal(system, found.number).reopen()
        return found.number


def confirmed(system: System, say: Say) -> int | None:
    """Keep what an apply with ``confirm`` made; its receipt's number, None: nothing waits for that."""
    must_be_root(system)
    with system.lock(journal.LOCK):
        found = journal.last(system)
        if found is None or found.outcome != journal.UNCONFIRMED:
            return None
        if note := _try(Run(("systemctl", "stop", f"{_timer(found.number)}.timer")), system, say):
            raise ProvisionerError(f"it could not be confirmed: {note}", hint="it has been taken back, or will be")
        Journal(system, found.number).end("converged")
        return found.number


def _refuse_unconfirmed(system: System) -> None:
    found = journal.last(system)
    if found is not None and found.outcome == journal.UNCONFIRMED:
        hint = f"`provisioner confirm` keeps it, `provisioner rollback {found.number}` takes it back"
        raise ProvisionerError(f"the apply of {found.time} (receipt {found.number}) waits to be confirmed", hint=hint)


def _timer(number: int) -> str:
    return f"provisioner-confirm-{number}"


def _alarm(system: System, number: int, seconds: int) -> Step:
    """The step after which systemd rolls a run back unless it is stopped; another run's lock is waited for."""
    program = system.program("provisioner")
    if program is None or not service.by_systemd(system):
        hint = "apply without --confirm"
        raise ProvisionerError("only systemd can take an apply back later, with provisioner on its path", hint=hint)
    argv = (
        "systemd-run", "--quiet", f"--unit={_timer(number)}", f"--on-active={seconds}",
        "--timer-property=AccuracySec=1s",
        "--property=Type=oneshot", "--property=Restart=on-failure", "--property=RestartSec=5",
        program, "rollback", str(number),
    )  # fmt: skip
    return Run(argv, undo=(Run(("systemctl", "stop", f"{_timer(number)}.timer")),))


def must_be_root(system: System) -> None:
    """DeniedError for anybody else."""
    if system.uid != 0:
        raise DeniedError("only root can change this host", hint="run it with sudo")


def inverse(step: Step, host: Reader) -> tuple[Step, ...]:
    """The steps that undo ``step``, as the host stands now."""
    match step:
        case MakeDirectory(path):
            return () if host.stat(path) else (RemoveDirectory(path),)
        case RemoveDirectory(path):
            there = host.stat(path)
            return (MakeDirectory(path, there.mode),) if there else ()
        case WriteFile(path, user=user) | RemoveFile(path, user=user):
            old, there = host.read(path, user=user), host.status(path) if user else host.stat(path)
            if old is None or there is None:
                return (RemoveFile(path, user),)
            return (WriteFile(path, old, there.mode, user),)
        case SetLeaf(path, keys):
            old = host.read(path)
            value = jsontext.leaf(jsontext.load(old or "", path), keys)
            return (SetLeaf(path, keys, value, _with_leaf(step, old), old),)
        case Register(path, unless_there=unless_there):
            return () if unless_there else (_as_registered(host, path) or Unregister(path),)
        case Unregister(path):
            entry = _as_registered(host, path)
            return (entry,) if entry else ()
        case CopyOut():
            return copyout.inverse(step, host)
        case Run(undo=undo):
            return undo
        case SetOwner(paths):
            owners = ((p, host.status(p)) for p in paths)
            return tuple(SetOwner((p,), s.uid, s.gid) for p, s in owners if s is not None)
        case CopyImage() | CompareImages() | Restart() | Reload() | Discard():
            return ()
        case _:
            assert_never(step)


def execute(step: Step, system: System, say: Say = lambda _: None) -> None:
    """Make one step. CommandError, OSError: it could not be made."""
    match step:
        case MakeDirectory(path, mode):
            system.make_directory(path, mode)
        case RemoveDirectory(path):
            system.remove_directory(path)
        case WriteFile(path, text, mode, user):
            system.write(path, text, mode, user)
        case RemoveFile(path, user):
            system.remove(path, user)
        case SetLeaf(path):
            new = _with_leaf(step, system.read(path))
            system.remove(path) if new is None else system.write(path, new, 0o644)
        case Register():
            _register(system, step)
        case Unregister(path):
            if system.stat(path):
                system.tell(path, "-1")
        case CopyOut():
            copyout.copy_out(system, step)
        case Discard():
            copyout.discard(system, step)
        case Run(argv, timeout=timeout, user=user, lenient=True):
            system.ask(*argv, timeout=timeout, user=user)
        case Run(argv, timeout=timeout, user=user):
            system.run(argv, timeout, user=user)
        case SetOwner(paths, uid, gid):
            system.set_owner(paths, uid, gid)
        case CopyImage():
            migration.copy(system, step, say)
        case CompareImages():
            migration.compare(system, step)
        case Restart():
            service.restart(system, step, say)
        case Reload():
            service.reload(system, step)
        case _:
            assert_never(step)


def _register(system: System, step: Register) -> None:
    """Register an entry with the kernel, which takes no two of one name."""
    there = system.stat(step.path) is not None
    if there and step.unless_there:
        return
    if there:
        system.tell(step.path, "-1")
    system.tell(f"{step.path.rpartition('/')[0]}/register", step.line)
    if not step.enabled:
        system.tell(step.path, "0")


def _as_registered(host: Reader, path: str) -> Register | None:
    """The step that registers an entry as it is now; None: there is none."""
    text = host.read(path)
    if text is None:
        return None
    entry = binfmt.parse_entry(text)
    return Register(path, binfmt.line(path.rpartition("/")[2], entry), entry.enabled)


def _with_leaf(step: SetLeaf, text: str | None) -> str | None:
    """What a file becomes by a SetLeaf, given what it is."""
    if text in (step.before, step.after):
        return step.after
    if text is None and step.value is None:
        return None
    jsontext.load(text or "", step.path)  # somebody changed it meanwhile, and may have broken it
    if step.value is None:
        return jsontext.drop(text or "{}", step.keys)
    return jsontext.put(text or "", step.keys, step.value)


def _act(system: System, wanted: Desired, made: Plan, before: Found, say: Say, confirm: int | None) -> Outcome:
    """Make a plan's steps, observe and prove; undo them all if anything goes wrong on the way.

    ``before`` is what was seen; a plan's own differences are partly what it foresees.
    """
    book = Journal(system, (journal.numbers(system) or (0,))[-1] + 1)
    book.begin(__version__, wanted, before)
    try:
        if confirm is not None:
            make_change(system, book, "confirm", (_alarm(system, book.number, confirm),), (), say)
        for change in made.changes:
            make_change(system, book, change.resource, change.edits, change.settle, say)
        left = _observed(system, wanted, made)
        proven = None
        if _proves(wanted, left):
            proven = proof.prove(system, facts.gather(system, wanted), wanted, say)
            proof.judge(proven)
        for step in (s for change in made.changes for s in change.last):
            book.step(step, ())
            execute(step, system)
    except BaseException as e:  # a signal must not leave the host half changed
        reason, hint = _words(e)
        say(f"failed: {reason}")
        _undo(system, journal.read(system, book.number), "rolled back", say)
        raise RolledBackError(f"{reason}; rolled back, the host is as it was", hint=hint) from e
    book.end(journal.UNCONFIRMED if confirm is not None else "held" if left else "converged")
    return Outcome(_status(left), made, left, book.number, proven)


def _proves(wanted: Desired, left: Plan) -> bool:
    """Whether this run leaves a builder to prove the host with. Emulators alone were run when they were observed."""
    return "builder" in (wanted.only or ("builder",)) and not any(resource == "builder" for resource, _ in left.held)


def make_change(
    system: System,
    book: Journal,
    resource: str,
    edits: tuple[Step, ...],
    settle: tuple[Restart | Reload, ...],
    say: Say,
) -> None:
    """One change: each step journaled before it is made, then what must follow them."""
    book.change(resource, settle)
    for step in edits:
        book.step(step, inverse(step, system))
        say(f"{resource}: {report.sentence(step)}")
        execute(step, system, say)
        if isinstance(step, CopyOut):
            book.made(copyout.manifest(system, step.folder))
    for restart in settle:
        book.settle(restart)
        say(f"{resource}: {report.sentence(restart)}")
        execute(restart, system, say)


def _observed(system: System, wanted: Desired, made: Plan) -> Plan:
    """What is left of a plan that was made: only what is held. ProvisionerError: something else, too."""
    held = {(resource, h.key) for resource, h in made.held}
    left, odd = Plan(), []
    for seconds in LOOKS:
        system.pause(seconds)
        found = facts.gather(system, wanted)
        seen = plan.compare(system, found, wanted).differences  # a plan's own are partly what it foresees
        left = plan.make(system, found, wanted)
        odd = [f"{resource}: {d.key} is {d.have}" for resource, d in seen if (resource, d.key) not in held]
        if not odd:
            return left
    raise ProvisionerError(f"applied, yet still not as wanted: {'; '.join(odd)}", hint="see `provisioner detect`")


def _undo(system: System, receipt: Receipt, outcome: str, say: Say) -> None:
    """Take a run back, newest step first, and judge that by what is observed. RollbackFailedError: not as before."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        book = Journal(system, receipt.number)
        notes = [note for step in receipt.undo if (note := _try(step, system, say))]
        left = _unlike(system, receipt)
        if left or receipt.settled:  # what a start took in need not show
            notes += [note for step in receipt.settle if (note := _try(step, system, say))]
            left = _unlike(system, receipt)
        book.end("rollback failed" if left else outcome)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    if left:
        hint = "put that right by hand, then run `provisioner rollback` again; " + "; ".join(notes)
        raise RollbackFailedError(f"the rollback did not put everything back: {'; '.join(left)}", hint=hint)


def _try(step: Step, system: System, say: Say) -> str | None:
    """Make a step of an undo; what went wrong is a note, for the verdict comes from looking."""
    say(f"undo: {report.sentence(step)}")
    try:
        execute(step, system, say)
    except (ProvisionerError, OSError) as e:
        return str(e)
    return None


def _unlike(system: System, receipt: Receipt) -> list[str]:
    """How the host differs from what it was before a run; nothing: it is as it was."""
    unlike: list[str] = []
    for seconds in LOOKS[:3]:
        system.pause(seconds)
        try:
            now: Found = plan.compare(system, facts.gather(system, receipt.desired), receipt.desired).differences
        except ProvisionerError as e:
            unlike = [e.message]
            continue
        before, after = dict(_keyed(receipt.before)), dict(_keyed(now))
        unlike = [
            f"{' '.join(k)} is {after.get(k, 'as wanted')!s}, was {before.get(k, 'as wanted')!s}"
            for k in {**before, **after}
            if before.get(k, "as wanted") != after.get(k, "as wanted")
        ]
        if not unlike:
            return []
    return unlike


def _keyed(found: Found) -> Iterator[tuple[tuple[str, str], object]]:
    return (((resource, d.key), d.have) for resource, d in found)


def _status(left: Plan) -> Exit:
    return Exit.HELD if left else Exit.OK


def _words(e: BaseException) -> tuple[str, str | None]:
    """What went wrong, in a sentence and a hint."""
    if isinstance(e, ProvisionerError):
        return e.message, e.hint
    return str(e) or type(e).__name__, None


def _remember(system: System, path: str | None, wanted: Desired) -> None:
    """Keep the configuration that was validated, so that a check need not validate it again."""
    memory = desired.memory(system, path, wanted)
    if memory is not None and memory != system.read(desired.REMEMBERED):
        journal.prepare(system)
        system.write(desired.REMEMBERED, memory, 0o600)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn the first signal that asks us to stop into an exception; later ones wait for the undo."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise Interrupted(f"interrupted by {signal.Signals(number).name}")

    old = {s: signal.signal(s, interrupt) for s in SIGNALS}
    try:
        yield
    except Interrupted as e:
        raise ProvisionerError(f"{e}; nothing was changed", hint="run the same command again") from None
    finally:
        for s, handler in old.items():
            signal.signal(s, handler)
