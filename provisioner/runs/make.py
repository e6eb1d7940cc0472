"""Run the steps of a change. Each step is in the journal before it runs."""

from provisioner.errors import CommandError
from provisioner.host import System
from provisioner.runs.journal import Journal
from provisioner.steps import Change, Obstacle, Plan, Say, Step
from provisioner.text.messages import Doing


def attempts(system: System, book: Journal, made: Plan, say: Say) -> dict[str, Obstacle]:
    """Make the changes of a plan that may fail. Return the resources whose attempt failed, each with its obstacle."""
    failed: dict[str, Obstacle] = {}
    for one in (c for c in made.changes if c.unless):
        try:
            change(system, book, one, say)
        except CommandError as e:
            say(f"{one.resource}: left as it is: {e.message}")
            failed[one.resource] = Obstacle(one.unless, e.message, e.hint or "")
    return failed


def change(system: System, book: Journal, wanted: Change, say: Say) -> tuple[str, ...]:
    """Make one change: run its edits, then the restart that they need, then the steps that test it.

    Returns: the names of the containers that did not come back after the restart.
    """
    missing: tuple[str, ...] = ()
    blocked = {b.key for b in wanted.blocked}
    book.change(wanted.resource, wanted.restart, (d.key for d in wanted.differences if d.key not in blocked))
    for step in wanted.edits:
        _make(system, book, wanted.resource, step, say)
    if wanted.restart:
        book.settle(wanted.restart)
        say(Doing(f"{wanted.resource}: {wanted.restart.sentence()}"))
        missing = wanted.restart.do(system, say) or ()
    for step in wanted.trial:
        _make(system, book, wanted.resource, step, say)
    return missing


def after(system: System, book: Journal, wanted: Change, say: Say) -> None:
    """Remove what is no longer wanted for a resource, once everything was proven."""
    if wanted.after:
        blocked = {b.key for b in wanted.blocked}
        book.change(wanted.resource, None, (key for key in wanted.late if key not in blocked))
    for step in wanted.after:
        _make(system, book, wanted.resource, step, say)


def last(system: System, steps: tuple[Step, ...], say: Say) -> None:
    """Discard what was kept for a rollback. A failure leaves it behind and undoes nothing."""
    for step in steps:
        try:
            step.do(system, say)
        except Exception as e:  # any error: the host is as wanted
            say(f"note: left over, could not {step.sentence()}: {e}")


def _make(system: System, book: Journal, resource: str, step: Step, say: Say) -> None:
    book.step(step, step.inverse(system))
    say(Doing(f"{resource}: {step.sentence()}"))
    step.do(system, say)
    if made := step.made(system):
        book.made(made)
