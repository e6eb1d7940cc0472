"""Run the steps of a change. Each step is in the journal before it runs."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeAlias, cast

from provisioner.errors import CommandError, ProvisionerError, PutOffError
from provisioner.host import System
from provisioner.runs.journal import Journal
from provisioner.steps import Change, Obstacle, Plan, Say, Slow, Step
from provisioner.text.messages import Doing

Later: TypeAlias = deque[tuple[str, Step]]  # steps that may run later, each with its resource


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


def changes(system: System, book: Journal, wanted: Iterable[Change], say: Say) -> tuple[str, ...]:
    """Make changes: for each one its edits, then the restart that they need. Then run the steps that test it.

    What waits anyway is waited for only once. So the tests run while a slow step of a later change does. If a step of
    such a change fails, the tests run first after all: they know better what is broken.

    Returns: the names of the containers that did not come back after a restart.
    """
    tests: Later = deque()
    missing: list[str] = []
    try:
        for one in wanted:
            missing += _change(system, book, one, tests, say)
    except PutOffError:
        raise
    except ProvisionerError:
        _all(system, book, tests, say)
        raise
    _all(system, book, tests, say)
    return tuple(missing)


def change(system: System, book: Journal, wanted: Change, say: Say) -> tuple[str, ...]:
    """Make one change. Return the names of the containers that did not come back after its restart."""
    return changes(system, book, (wanted,), say)


def _change(system: System, book: Journal, wanted: Change, tests: Later, say: Say) -> tuple[str, ...]:
    """Make one change, but leave its tests for later."""
    blocked = {b.key for b in wanted.blocked}
    book.change(wanted.resource, wanted.restart, (d.key for d in wanted.differences if d.key not in blocked))
    edits = deque(wanted.edits)
    while edits:
        step = edits.popleft()
        if isinstance(step, Slow):
            _slow(system, book, wanted.resource, step, edits, tests, say)
        else:
            _make(system, book, wanted.resource, step, say)
    missing: tuple[str, ...] = ()
    if wanted.restart:
        book.settle(wanted.restart)
        say(Doing(f"{wanted.resource}: {wanted.restart.sentence()}"))
        missing = wanted.restart.do(system, say) or ()
    tests.extend((wanted.resource, step) for step in wanted.trial)
    return missing


def _slow(
    system: System, book: Journal, resource: str, step: Slow, following: deque[Step], tests: Later, say: Say
) -> None:
    """Run a slow step, and meanwhile the tests of earlier changes, and what follows it and does not need it.

    A test that fails meanwhile is made once more when the step has ended, because an engine is slower while it works.
    """
    _announce(system, book, resource, step, say)
    with step.meanwhile(system, say) as wait:
        if wait is None:
            return
        slow, busy = Ending(wait), False
        while tests:
            tested, test = tests.popleft()
            _announce(system, book, tested, test, say)
            busy = True
            try:
                test.do(system, say)
            except ProvisionerError:
                slow.end()
                test.do(system, say)
        while following and step.apart(following[0]) and slow.runs:
            busy = True
            try:
                _make(system, book, resource, following.popleft(), say)
            except ProvisionerError:  # what the engine begins for the slow step now would come after its undo
                slow.end()
                raise
        if busy and slow.runs:
            say(Doing(f"{resource}: wait for it: {step.sentence()}"))
        if error := slow.end():
            raise error


class Ending:
    """The end of a slow step, which is waited for once."""

    def __init__(self, wait: Callable[[], object]) -> None:
        self.runs = True
        self._wait, self._error = wait, cast("ProvisionerError | None", None)

    def end(self) -> ProvisionerError | None:
        """Wait for it, if that was not done. Return its error."""
        if self.runs:
            self.runs = False
            try:
                self._wait()
            except ProvisionerError as e:
                self._error = e
        return self._error


def _all(system: System, book: Journal, tests: Later, say: Say) -> None:
    while tests:
        resource, step = tests.popleft()
        _make(system, book, resource, step, say)


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
    _announce(system, book, resource, step, say)
    step.do(system, say)
    if made := step.made(system):
        book.made(made)


def _announce(system: System, book: Journal, resource: str, step: Step, say: Say) -> None:
    book.step(step, step.inverse(system))
    say(Doing(f"{resource}: {step.sentence()}"))
