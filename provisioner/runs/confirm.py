"""``apply --confirm``: systemd rolls an apply back after a time, unless somebody confirms it."""

import os
import sys

from provisioner.daemon import managers
from provisioner.errors import Exit, ProvisionerError
from provisioner.host import System
from provisioner.model import Reader
from provisioner.runs import journal, make, receipts, record, rollback
from provisioner.runs.journal import Journal
from provisioner.runs.session import interruptible, own
from provisioner.runs.undo import State, attempt, undo
from provisioner.steps import Say, Step
from provisioner.steps.programs import Run

UNDO = 300.0  # seconds for an apply to undo itself, including two restarts with their timeouts
GRACE = 120  # seconds of extra time for the timer to do the rollback


def timer(number: int) -> str:
    """Return the name of the systemd unit that rolls an apply back unless somebody confirms it."""
    return f"provisioner-confirm-{number}"


def alarm(system: System, number: int, seconds: int) -> Step:
    """Return the step that schedules the rollback of a run with systemd.

    ``seconds`` is the time until the rollback. If another run holds the lock then, the rollback waits for it.

    Raises: ProvisionerError if this host cannot run the rollback later.
    """
    hint = "apply without --confirm"
    if not managers.by_systemd(system):
        raise ProvisionerError("only systemd can take an apply back later, and it does not run here", hint=hint)
    if system.uid != 0 and system.stat(f"/var/lib/systemd/linger/{system.user}") is None:
        reason = "your timers end when you log out, so nothing would take the apply back"
        raise ProvisionerError(reason, hint=f"loginctl enable-linger {system.user}, or {hint}")
    program = system.program("provisioner") or _running(system)
    if program is None:
        raise ProvisionerError("systemd cannot start provisioner later: it is not on the path of programs", hint=hint)
    argv = (
        "systemd-run", *managers.scope(system), "--quiet", f"--unit={timer(number)}", f"--on-active={seconds}",
        "--timer-property=AccuracySec=1s",
        "--property=Type=oneshot", "--property=Restart=on-failure", "--property=RestartSec=5",
        f"--property=RestartPreventExitStatus={Exit.DENIED}",  # no attempt of its own changes that
        program, "rollback", str(number), "--overdue",
    )  # fmt: skip
    return Run(argv, undo=(Run(("systemctl", *managers.scope(system), "stop", f"{timer(number)}.timer")),))


def _running(host: Reader) -> str | None:
    """Return the path of the running program. None means that it is not an executable ``provisioner`` file."""
    path = os.path.abspath(sys.argv[0])
    there = host.stat(path)
    return path if path.endswith("/provisioner") and there and not there.directory and there.mode & 0o111 else None


def until(system: System, seconds: int) -> str:
    """Return the time, as RFC 3339 in UTC, when an unconfirmed apply that starts now has been rolled back."""
    from datetime import datetime, timedelta

    end = datetime.fromisoformat(system.now()) + timedelta(seconds=seconds + GRACE)
    return end.strftime("%Y-%m-%dT%H:%M:%SZ")


def refuse(host: Reader, engine: str) -> None:
    """Raise ProvisionerError if an apply to the same engine waits for confirmation."""
    for found in journal.unconfirmed(host):
        if engine == found.desired.engine or "://" not in engine:
            hint = f"`provisioner confirm` keeps it, `provisioner rollback {found.number}` takes it back"
            raise ProvisionerError(
                f"the apply of {found.time} (receipt {found.number}) waits to be confirmed", hint=hint
            )


def confirmed(system: System, say: Say) -> tuple[int, ...]:
    """Confirm every apply that waits for it, on all engines.

    Returns: the receipt numbers of the confirmed applies. The tuple is empty if none was waiting.
    Raises: ProvisionerError if an apply was interrupted, so that there is nothing to keep.
    """
    system = own(system)
    with system.lock(journal.lock(system)):
        if cut := journal.cut_off(system):
            reason = f"the apply of {cut.time} (receipt {cut.number}) was cut off: there is nothing to confirm"
            raise ProvisionerError(reason, hint="`provisioner recover` undoes it, and so does the next apply")
        found = journal.unconfirmed(system)
        for receipt in found:
            notes = [note for step in _stop(system, receipt.number) if (note := attempt(step, system, say))]
            if notes:
                raise ProvisionerError(
                    f"it could not be confirmed: {notes[0]}", hint="it has been taken back, or will be"
                )
            Journal(system, receipt.number).end("converged")
            make.last(system, receipt.last, say)
        return tuple(r.number for r in found)


def overdue(system: System, number: int, say: Say) -> tuple[int, ...]:
    """Roll back an apply that was not confirmed in time, and all later applies to the same engine.

    If the apply still runs, stop it first. If it was confirmed in the meantime, keep it.
    """
    system = own(system)
    found = journal.read(system, number)
    if found.outcome is None and receipts.running(system):
        say(f"the apply of {found.time} (receipt {number}) still runs: ending it")
        system.end(journal.lock(system), UNDO)
    with system.lock(journal.lock(system)), interruptible():
        found = journal.read(system, number)
        if found.outcome not in (None, receipts.UNCONFIRMED):
            return (number,) if found.outcome in ("rolled back", "undone") else ()
        if found.outcome is None:
            return rollback.recover(system, say, last=True)
        chosen = tuple(r for r in rollback.choose(system, number) if r.desired.engine == found.desired.engine)
        journal.refuse(system, chosen)
        undo(system, chosen, "undone", say, State.ENDED, last=True)
        record.over(system, chosen)
        return tuple(r.number for r in chosen)


def _stop(system: System, number: int) -> tuple[Run, Run]:
    """Return the steps that stop the timer, and the service that it may have just started and that waits for the lock.

    The service may not exist: systemd forgets a service that never ran when its timer stops.
    """
    stop = ("systemctl", *managers.scope(system), "stop")
    return Run((*stop, f"{timer(number)}.timer")), Run((*stop, f"{timer(number)}.service"), lenient=True)
