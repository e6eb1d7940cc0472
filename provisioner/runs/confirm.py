"""``apply --confirm``: systemd takes an apply back after a time, unless somebody says that it may stay."""

import os
import sys

from provisioner.daemon import managers
from provisioner.errors import ProvisionerError
from provisioner.host import System
from provisioner.model import Reader
from provisioner.runs import journal, make, receipts, rollback
from provisioner.runs.journal import Journal
from provisioner.runs.session import interruptible, own
from provisioner.runs.undo import State, attempt, undo
from provisioner.steps import Say, Step
from provisioner.steps.programs import Run

UNDO = 300.0  # seconds that an apply has to undo itself, two restarts with their deadlines among them
GRACE = 120  # seconds after which the timer has had its turn


def timer(number: int) -> str:
    """The unit that takes an apply back unless it is confirmed."""
    return f"provisioner-confirm-{number}"


def alarm(system: System, number: int, seconds: int) -> Step:
    """The step after which systemd rolls a run back unless it is stopped; another run's lock is waited for.

    ProvisionerError: nothing here would do that.
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
        program, "rollback", str(number), "--overdue",
    )  # fmt: skip
    return Run(argv, undo=(Run(("systemctl", *managers.scope(system), "stop", f"{timer(number)}.timer")),))


def _running(host: Reader) -> str | None:
    """The program that runs now, in whatever folder it lies; None: it is no program by itself."""
    path = os.path.abspath(sys.argv[0])
    there = host.stat(path)
    return path if path.endswith("/provisioner") and there and not there.directory and there.mode & 0o111 else None


def until(system: System, seconds: int) -> str:
    """When an apply that begins now and is not confirmed has been taken back, as RFC 3339 in UTC."""
    from datetime import datetime, timedelta

    end = datetime.fromisoformat(system.now()) + timedelta(seconds=seconds + GRACE)
    return end.strftime("%Y-%m-%dT%H:%M:%SZ")


def refuse(host: Reader, engine: str) -> None:
    """ProvisionerError: an apply to the same engine waits to be confirmed."""
    for found in journal.unconfirmed(host):
        if engine == found.desired.engine or "://" not in engine:
            hint = f"`provisioner confirm` keeps it, `provisioner rollback {found.number}` takes it back"
            raise ProvisionerError(
                f"the apply of {found.time} (receipt {found.number}) waits to be confirmed", hint=hint
            )


def confirmed(system: System, say: Say) -> tuple[int, ...]:
    """Keep what applies with ``confirm`` made, on every engine; their receipts' numbers, none: nothing waits for that.

    ProvisionerError: one never came to its end, so there is nothing to keep.
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
    """Take an apply back that had its time, with what was applied to the same engine since; one that runs is ended.

    One that was confirmed meanwhile stays.
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
        undo(system, chosen, "undone", say, State.ENDED, last=True)
        return tuple(r.number for r in chosen)


def _stop(system: System, number: int) -> tuple[Run, Run]:
    """Stop the timer, then the service that it may have started just now and that waits for the lock.

    systemd forgets the service with its timer where it never ran, so that there is nothing left to stop.
    """
    stop = ("systemctl", *managers.scope(system), "stop")
    return Run((*stop, f"{timer(number)}.timer")), Run((*stop, f"{timer(number)}.service"), lenient=True)
