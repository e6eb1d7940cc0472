"""Roll back the last apply, all applies since a receipt, or an interrupted one; or accept what cannot be undone."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from provisioner.builder import obstacles
from provisioner.config.desired import Desired
from provisioner.daemon import policy
from provisioner.engine import endpoints, facts, target
from provisioner.errors import DeniedError, NoEngineError, ProvisionerError, RollbackFailedError
from provisioner.host import System
from provisioner.model import Reader
from provisioner.runs import journal, losses, receipts, record
from provisioner.runs.journal import OVER, Journal, Receipt
from provisioner.runs.kinds import FILES
from provisioner.runs.session import Interrupted, interruptible, must_be_root, own
from provisioner.runs.undo import DO, Item, State, attempt, items, undo
from provisioner.steps import Say
from provisioner.steps.files import SetLeaf

UNDOABLE = ("converged", "held", receipts.UNCONFIRMED)  # the outcomes of runs that are in effect


def rollback(system: System, number: int | None, say: Say) -> tuple[int, ...]:
    """Undo the last apply, or go back to the state before receipt ``number``.

    Returns: the numbers of the undone receipts, newest first.
    """
    system = own(system)
    with system.lock(journal.lock(system)), interruptible():
        cut = recover(system, say, last=number is None)
        if number in cut or (cut and number is None):
            return cut
        with told(cut):
            return (*cut, *_undone(system, choose(system, number), say))


def _undone(system: System, chosen: tuple[Receipt, ...], say: Say) -> tuple[int, ...]:
    """Undo runs that have ended. Return their numbers."""
    journal.refuse(system, chosen)
    _look_before(system, chosen)
    for note in takes(system, tuple((r, tuple(items(system, r, State.ENDED))) for r in chosen)):
        say(f"note: {note}")
    for receipt in chosen:
        say(f"undoing the apply of {receipt.time} (receipt {receipt.number})")
    undo(system, chosen, "undone", say, State.ENDED, last=True)
    record.over(system, chosen)
    return tuple(r.number for r in chosen)


def choose(host: Reader, number: int | None) -> tuple[Receipt, ...]:
    """Return the runs that a rollback undoes, newest first.

    Raises: ProvisionerError if there is no such run, or if it was already undone.
    """
    still = {*UNDOABLE, receipts.FAILED, None}  # None: its end could not be recorded
    known = [r for r in journal.every(host) if r.outcome in still]
    if number is None:
        return tuple(known[-1:])
    if number not in [r.number for r in known]:
        journal.read(host, number)  # raises an error if the receipt does not exist
        raise ProvisionerError(f"receipt {number} has been undone already", hint="leave the number away")
    return tuple(r for r in reversed(known) if r.number >= number)


def planned(host: Reader, number: int | None) -> tuple[tuple[Receipt, tuple[Item, ...]], ...]:
    """Return what a rollback would do: the runs, newest first, and each step with its fate."""
    cut = () if number else tuple(r for r in journal.open_runs(host) if r.outcome is None)
    chosen = tuple(reversed(cut)) or choose(host, number)
    return tuple((r, tuple(items(host, r, State.CUT_OFF if cut else State.ENDED))) for r in chosen)


def takes(host: Reader, found: tuple[tuple[Receipt, tuple[Item, ...]], ...]) -> tuple[str, ...]:
    """Return what the rollback that ``planned`` returned takes away, as sentences."""
    steps = [item.step for _, of in found for item in of if item.fate == DO]
    return tuple(losses.notes(host, found[0][0].desired, steps)) if found else ()


def restarts(found: tuple[tuple[Receipt, tuple[Item, ...]], ...]) -> bool:
    """Return whether the rollback that ``planned`` returned restarts or reloads the daemon."""
    return any(_restarts(receipt, of) for receipt, of in found)


def _restarts(receipt: Receipt, found: tuple[Item, ...]) -> bool:
    """Return whether the undo of a run restarts the daemon. That of an image that has booted since names no restart."""
    if receipt.restarts:
        return receipt.restarted or any(i.fate == DO for i in found)
    return any(i.fate == DO and isinstance(i.step, SetLeaf) for i in found)


def accept(system: System, number: int) -> Receipt:
    """Keep what a run made, or what its rollback left. No later rollback tries to undo it."""
    system = own(system)
    with system.lock(journal.lock(system)):
        found = journal.read(system, number)
        if found.outcome in OVER:
            raise ProvisionerError(f"nothing of receipt {number} is left to undo", hint="see `provisioner history`")
        Journal(system, number).end("accepted")
        record.over(system, (found,))
        return found


def _look_before(system: System, chosen: tuple[Receipt, ...]) -> None:
    """Raise ProvisionerError if a build runs on a builder that would be removed."""
    undone = [step for receipt in chosen for step in receipt.undo]
    with suppress(NoEngineError, DeniedError):  # then no build runs, or this user may not know
        seen = facts.gather(system, chosen[0].desired, far=False) if chosen else None
        if seen and (name := obstacles.building(system, seen, undone, chosen[0].desired.builder)):
            hint = "wait until it has ended, then run the same command again"
            raise ProvisionerError(f"a build runs in {name}, which would be removed", hint=hint)


def recovered(system: System, say: Say) -> tuple[int, ...]:
    """Run ``recover`` as a command of its own."""
    system = own(system)
    with system.lock(journal.lock(system)), interruptible():
        return recover(system, say, last=True)


def recover(system: System, say: Say, *, wanted: Desired | None = None, last: bool = False) -> tuple[int, ...]:
    """Undo the runs that were interrupted or not confirmed in time, and finish undos that were cut off.

    An interrupted run is never continued, because its current step may have caused the interruption. Each run is tried
    once, so that a failed rollback does not block later runs.
    If ``wanted`` is set, another command recovers in passing. It then reports a rollback that fails on another engine
    and goes on.

    Returns: the numbers of the undone runs, newest first.
    Raises: ProvisionerError if ``wanted`` is set and its restart policy forbids the restart that the undo needs.
    """
    _tidy(system)
    done: list[int] = []
    for cut in reversed([r for r in journal.open_runs(system) if r.outcome is None or _due(system, r)]):
        with told(tuple(done)):
            if wanted is not None:
                _leave(system, cut, wanted)
            what = "was cut off" if cut.outcome is None else "was not confirmed in time"
            say(f"the apply of {cut.time} (receipt {cut.number}) {what}: undoing it first")
            try:
                undo(system, (cut,), "rolled back", say, State.CUT_OFF, last=last)
            except RollbackFailedError as e:
                if wanted is None or not _elsewhere(system, cut, wanted):
                    raise
                say(f"note: {cut.desired.engine}: {e.message}")
                continue
        record.over(system, (cut,), waits=True)  # a run that waited to be confirmed has written the record
        done.append(cut.number)
    for half in reversed(journal.half_undone(system)):
        with told(tuple(done)):
            if wanted is not None:
                _leave(system, half, wanted)
            say(f"the rollback of the apply of {half.time} (receipt {half.number}) was cut off: finishing it first")
            undo(system, (half,), "undone", say, State.ENDED, last=last)
        record.over(system, (half,))
        done.append(half.number)
    return tuple(done)


@contextmanager
def told(cut: tuple[int, ...]) -> Iterator[None]:
    """Say in an error what was undone before, because otherwise it would read as if nothing had been changed."""
    named = f"{'entry' if len(cut) == 1 else 'entries'} {', '.join(map(str, cut))}"
    before = f" (before that, provisioner undid what was cut off: history {named})" if cut else ""
    try:
        yield
    except ProvisionerError as e:
        e.message += before
        raise
    except Interrupted as e:
        e.after += before
        raise


def _due(host: Reader, found: Receipt) -> bool:
    """Return whether the deadline for a confirmation has passed and the timer has not rolled the run back."""
    return found.outcome == receipts.UNCONFIRMED and "" < found.confirm_by < host.now()


def _leave(system: System, cut: Receipt, wanted: Desired) -> None:
    """Raise ProvisionerError if the undo restarts the daemon and the configuration forbids that now."""
    if not cut.restarted:
        return
    with suppress(NoEngineError):  # an engine that is down has nothing to interrupt
        at = target.with_endpoint(system, cut.desired)
        why = policy.obstacle(
            at, facts.gather(at, cut.desired, far=False), cut.desired._replace(restart=wanted.restart)
        )
        if why:
            reason = f"the apply of {cut.time} (receipt {cut.number}) was cut off, and to undo it {why.message}"
            raise ProvisionerError(reason, hint="`provisioner recover` undoes it now, with the restart")


def _elsewhere(host: Reader, cut: Receipt, wanted: Desired) -> bool:
    """Return whether a run belongs to another engine than the one that is wanted now."""
    return "://" in cut.desired.engine and cut.desired.engine != endpoints.endpoint(host, wanted.engine).host


def recover_files(system: System, say: Say) -> tuple[int, ...]:
    """Put back the files of runs that were interrupted, or not confirmed before the host went down.

    This runs at boot, before the engine starts. The rest of the undo needs the engine and repeats these steps.

    Returns: the numbers of these runs, newest first.
    """
    must_be_root(system)
    with system.lock(journal.lock(system)):
        _tidy(system)
        found = tuple(reversed(journal.open_runs(system)))
        for cut in found:
            say(f"the apply of {cut.time} (receipt {cut.number}) was cut off: putting its files back")
            for step in cut.undo:
                if isinstance(step, FILES) and (note := attempt(step, system, say)):
                    say(note)
            Journal(system, cut.number).reopen()
        return tuple(r.number for r in found)


def _tidy(system: System) -> None:
    """Clear the list of open runs if all of them ended. A run can be interrupted after its last line."""
    if receipts.listed(system) and not journal.open_runs(system) and not journal.half_undone(system):
        journal.closed(system)
