"""Take runs back: the last one, all since a receipt, one that was cut off. Judged by what is observed."""

from collections.abc import Iterator
from contextlib import suppress

from provisioner.builder import obstacles
from provisioner.daemon import managers
from provisioner.engine import facts, target
from provisioner.errors import DeniedError, NoEngineError, ProvisionerError, RollbackFailedError
from provisioner.host import System
from provisioner.image_store import inventory
from provisioner.image_store.trial import ClearTrial
from provisioner.model import Found
from provisioner.runs import compare, journal, receipts
from provisioner.runs.journal import Journal, Receipt
from provisioner.runs.kinds import FILES
from provisioner.runs.session import interruptible, must_be_root, own, uninterruptible
from provisioner.steps import Say, Step
from provisioner.steps.programs import Run

LOOKS = (0.0, 0.2, 0.5)  # seconds before each look, while a daemon that was just started comes up
UNDO = 300.0  # seconds that an apply has to undo itself, two restarts with their deadlines among them
UNDOABLE = ("converged", "held", receipts.UNCONFIRMED)


def rollback(system: System, number: int | None, say: Say, *, overdue: bool = False) -> tuple[int, ...]:
    """Undo the last apply, or go back to before receipt ``number``; the receipts undone, newest first.

    ``overdue``: the apply of that receipt has had its time, and is ended where it still runs.
    """
    system = own(system)
    if overdue and number is not None and _ended(system, number, say):
        return (number,)
    with system.lock(journal.lock(system)), interruptible(), uninterruptible(last=True):
        cut = recover(system, say)
        if cut is not None and number == cut:
            return (cut,)
        known = [r for r in (journal.read(system, n) for n in receipts.numbers(system)) if r.outcome in UNDOABLE]
        if number is not None and number not in [r.number for r in known]:
            journal.read(system, number)  # says so where there is none at all
            raise ProvisionerError(f"receipt {number} has been undone already", hint="leave the number away")
        chosen = [r for r in known if r.number >= number] if number is not None else [] if cut else known[-1:]
        if not overdue:
            _look_before(system, chosen, say)
        for receipt in reversed(chosen):
            say(f"undoing the apply of {receipt.time} (receipt {receipt.number})")
            undo(system, receipt, "undone", say)
        return (*((cut,) if cut else ()), *(r.number for r in reversed(chosen)))


def _look_before(system: System, chosen: list[Receipt], say: Say) -> None:
    """Say what goes out of sight with a store. ProvisionerError: a build runs on a builder that would be taken away."""
    undone = [step for receipt in chosen for step in receipt.undo]
    with suppress(NoEngineError, DeniedError):  # then nothing builds, or nobody knows
        seen = facts.gather(system, chosen[-1].desired, far=False) if chosen else None
        if seen and (name := obstacles.building(system, seen, undone)):
            hint = "wait until it has ended, then run the same command again"
            raise ProvisionerError(f"a build runs in {name}, which would be taken away", hint=hint)
        if seen and any(isinstance(step, ClearTrial) for step in undone):  # which only a switch of the store leaves
            lost = inventory.count(system, seen, chosen[-1].desired)
            if lost.images or lost.containers:
                say(f"note: {inventory.sentence(lost)} go out of sight; an apply shows them again")


def _ended(system: System, number: int, say: Say) -> bool:
    """End an apply that still runs; whether it has undone itself by that, or had before."""
    found = journal.read(system, number)
    if found.outcome is None:
        say(f"the apply of {found.time} (receipt {number}) still runs: ending it")
        system.end(journal.lock(system), UNDO)
    return journal.read(system, number).outcome in ("rolled back", "undone")


def recovered(system: System, say: Say) -> int | None:
    """``recover`` as a run of its own."""
    system = own(system)
    with system.lock(journal.lock(system)), interruptible(), uninterruptible(last=True):
        return recover(system, say)


def recover(system: System, say: Say) -> int | None:
    """Undo a run that was cut off; its number. Never finished: what it was in the middle of may be why it ended."""
    cut = journal.cut_off(system)
    if cut is None:
        return None
    say(f"the apply of {cut.time} (receipt {cut.number}) was cut off: undoing it first")
    undo(system, cut, "rolled back", say)
    return cut.number


def recover_files(system: System, say: Say) -> int | None:
    """Put back the files of a run that was cut off, or that nobody confirmed before the host went down; its number.

    For a boot, before the engine starts: the rest of the undo needs it, and makes these steps again.
    """
    must_be_root(system)
    with system.lock(journal.lock(system)):
        found = journal.last(system)
        if found is None or found.outcome not in (None, receipts.FAILED, receipts.UNCONFIRMED):
            return None
        say(f"the apply of {found.time} (receipt {found.number}) was cut off: putting its files back")
        for step in found.undo:
            if isinstance(step, FILES) and (note := attempt(step, system, say)):
                say(note)
        Journal(system, found.number).reopen()
        return found.number


def confirmed(system: System, say: Say) -> int | None:
    """Keep what an apply with ``confirm`` made; its receipt's number, None: nothing waits for that.

    ProvisionerError: it never came to its end, so there is nothing to keep.
    """
    system = own(system)
    with system.lock(journal.lock(system)):
        found = journal.last(system)
        if found is not None and found.outcome in (None, receipts.FAILED):
            reason = f"the apply of {found.time} (receipt {found.number}) was cut off: there is nothing to confirm"
            raise ProvisionerError(reason, hint="`provisioner recover` undoes it, and so does the next apply")
        if found is None or found.outcome != receipts.UNCONFIRMED:
            return None
        if note := attempt(_stop(system, found.number), system, say):
            raise ProvisionerError(f"it could not be confirmed: {note}", hint="it has been taken back, or will be")
        Journal(system, found.number).end("converged")
        return found.number


def _stop(system: System, number: int) -> Run:
    return Run(("systemctl", *managers.scope(system), "stop", f"{timer(number)}.timer"))


def timer(number: int) -> str:
    """The unit that takes an apply back unless it is confirmed."""
    return f"provisioner-confirm-{number}"


def undo(system: System, receipt: Receipt, outcome: str, say: Say) -> None:
    """Take a run back, newest step first, and judge that by what is observed. RollbackFailedError: not as before."""
    system = target.with_endpoint(system, receipt.desired)
    with uninterruptible():
        book = Journal(system, receipt.number)
        notes = [note for step in receipt.undo if (note := attempt(step, system, say))]
        left = [] if receipt.settled else _unlike(system, receipt)
        if left or receipt.settled:  # what a start took in need not show, and an engine that is down is not waited for
            notes += [note for step in receipt.settle if (note := attempt(step, system, say))]
            left = _unlike(system, receipt)
        book.end("rollback failed" if left else outcome)
    if left:
        hint = "put that right by hand, then run `provisioner rollback` again; " + "; ".join(notes)
        raise RollbackFailedError(f"the rollback did not put everything back: {'; '.join(left)}", hint=hint)


def attempt(step: Step, system: System, say: Say) -> str | None:
    """Make a step of an undo; what went wrong is a note, for the verdict comes from looking."""
    say(f"undo: {step.sentence()}")
    try:
        step.do(system, say)
    except (ProvisionerError, OSError) as e:
        return str(e)
    return None


def _unlike(system: System, receipt: Receipt) -> list[str]:
    """How the host differs from what it was before a run; nothing: it is as it was."""
    unlike: list[str] = []
    for seconds in LOOKS:
        system.pause(seconds)
        try:
            now: Found = compare.drift(system, facts.gather(system, receipt.desired), receipt.desired)
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
