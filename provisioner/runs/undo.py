"""Undo runs: their steps newest first, one restart, and a look at what those steps can have changed.

A run that just failed is undone step by step. A run that ended may be weeks old: keep what somebody has changed since,
and skip what is already as it was. Each run is judged only by its own keys, not by the rest of the host.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import NamedTuple

from provisioner import secrets
from provisioner.daemon import keys as settings
from provisioner.daemon import resource as daemon_resource
from provisioner.daemon.restart import Reload, Restart
from provisioner.engine import facts, people, target
from provisioner.errors import ProvisionerError, RollbackFailedError
from provisioner.host import System
from provisioner.image_store import resource as image_store_resource
from provisioner.image_store.trial import ClearTrial
from provisioner.image_store.wanted import CONFIGURED
from provisioner.model import Reader
from provisioner.runs import compare, running
from provisioner.runs.journal import Journal, Key, Made, Receipt
from provisioner.runs.receipts import FAILED
from provisioner.runs.session import uninterruptible
from provisioner.steps import Say, Step
from provisioner.steps.files import SetLeaf, WriteFile
from provisioner.text.messages import Doing
from provisioner.text.states import value

STARTED = (daemon_resource.NAME, image_store_resource.NAME)  # the resources whose values a start of the daemon reads
LOOKS = (0.0, 0.2, 0.5)  # seconds to wait before each look, while a daemon that was just started comes up
AS_WANTED = "as wanted"
WRITES = (WriteFile, SetLeaf)
DO, SO, CHANGED = "put back", "already so", "changed since"


class State(Enum):
    """How a run that is being undone had ended."""

    FAILED = "just now, and nobody else has had a hand in it"
    CUT_OFF = "some time ago, in the middle of a step"
    ENDED = "maybe weeks ago, so what somebody has changed since stays"


class Item(NamedTuple):
    """One step of an undo and its fate: put back, already so, or changed by somebody since."""

    step: Step
    fate: str


class Done(NamedTuple):
    """The result of undoing a run's steps: the items, and the errors. ``lost`` are those that no later look shows."""

    items: tuple[Item, ...]
    errors: tuple[str, ...]
    lost: tuple[str, ...] = ()

    @property
    def leaves(self) -> tuple[SetLeaf, ...]:
        """The daemon settings that were put back."""
        return tuple(i.step for i in self.items if i.fate == DO and isinstance(i.step, SetLeaf))


def items(host: Reader, receipt: Receipt, state: State) -> Iterator[Item]:
    """Yield the steps that undo a run. The fate of each is decided when it is yielded."""
    for made in reversed(receipt.made):
        for step in made.undo:
            yield Item(step, _fate(host, made, step, state))


def _fate(host: Reader, made: Made, step: Step, state: State) -> str:
    if orphaned(host, step):
        return CHANGED
    if state is not State.FAILED and stands(host, step):
        return SO
    return CHANGED if state is State.ENDED and stands(host, made.step) is False else DO


def orphaned(host: Reader, step: Step) -> bool:
    """Return whether a step acts as a user whom somebody has deleted since.

    An unknown user is not a deleted one where accounts come from a directory that may not answer now. There, the file
    must be gone, too.
    """
    path = str(getattr(step, "path", ""))
    gone = bool(path) and host.status(path) is None
    return _unknown(host, step) and (gone or not people.elsewhere(host))


def _unknown(host: Reader, step: Step) -> bool:
    """Return whether a step acts as a user whom this host does not know now."""
    user = str(getattr(step, "user", ""))
    return bool(user) and host.account(user) is None


def stands(host: Reader, step: Step) -> bool | None:
    """Return whether the host is as a step leaves it. What cannot be read is unknown, and ends no undo."""
    try:
        return step.stands(host)
    except ProvisionerError:
        return None


def undo(
    system: System, chosen: Sequence[Receipt], outcome: str, say: Say, state: State, *, last: bool = False
) -> tuple[str, ...]:
    """Undo runs, newest first.

    ``last`` means that nothing else follows this undo.

    Returns: sentences about what is not as it was before because others changed it.
    Raises: RollbackFailedError if something else is not as it was. Nothing retries the rollback automatically.
    """
    careful = state is State.ENDED
    seen = {r.number: _differing(system, r) for r in chosen} if careful else {}
    errors: list[str] = []
    kept: list[str] = []
    lost: list[tuple[int, str]] = []
    with uninterruptible(last=last):
        owed: dict[Step, None] = {}
        for receipt in chosen:
            at = target.with_endpoint(system, receipt.desired)
            done = put_back(at, receipt, say, state)
            errors += done.errors
            lost += [(receipt.number, words) for words in done.lost]
            kept += [
                f"{i.step.sentence()}: not done, somebody has changed that since"
                for i in done.items
                if i.fate == CHANGED
            ]
            if _restarts(at, receipt, done, state):
                down = careful and seen[receipt.number] is None  # the daemon is down, and reads its file when it starts
                needed = (whole(r, done) for r in receipt.restarts)
                owed |= dict.fromkeys(r for r in needed if not (down and isinstance(r, Reload)))
            if not receipt.restarts and careful and done.leaves and (restart := running.restart(at, receipt.desired)):
                owed[restart] = None  # the history of an image that has booted since
            if any(isinstance(step, ClearTrial) for step in receipt.undo):  # older images are in the other store
                errors += _restart(at, owed, say)
        errors += _restart(target.with_endpoint(system, chosen[-1].desired), owed, say) if chosen else []
        for receipt in chosen:
            Journal(system, receipt.number).end(outcome)
    left = [*lost, *_judged(system, chosen, seen, kept, failed=bool(errors) or state is State.FAILED)]
    for number in {number for number, _ in left}:
        Journal(system, number).end(FAILED)
    if left:
        newest = chosen[0].number
        hint = (
            f"correct that yourself, or keep it with `provisioner rollback --accept {newest}`; "
            f"`provisioner rollback {newest}` tries again; {'; '.join(errors)}"
        )
        what = "; ".join(dict.fromkeys(words for _, words in left))
        raise RollbackFailedError(f"the rollback did not put everything back: {what}", hint=hint.rstrip("; "))
    for words in (*kept, *errors):  # a step failed, and yet the host is as it was
        say(f"note: {words}")
    return tuple(kept)


def put_back(system: System, receipt: Receipt, say: Say, state: State = State.FAILED) -> Done:
    """Run the steps that undo a run. Decide the fate of each right before it runs."""
    done, errors, lost, owes = [], [], [], receipt.undoing
    for item in items(system, receipt, state):
        setting = isinstance(item.step, SetLeaf)
        if setting and item.fate == DO and state is not State.FAILED and not owes:
            Journal(system, receipt.number).undoing()
            owes = True
        # what an undo has put back that was cut off then, the daemon may not know yet
        done.append(item._replace(fate=DO) if setting and item.fate == SO and receipt.undoing else item)
        if item.fate == DO and (error := attempt(item.step, system, say)):
            errors.append(error)
            lost += [f"{item.step.sentence()}: {error}"] if _unknown(system, item.step) else []
    if state is State.CUT_OFF:
        _tidy(system, receipt)
    return Done(tuple(done), tuple(errors), tuple(lost))


def _tidy(system: System, receipt: Receipt) -> None:
    """Remove what a kill between the write and the rename of a file leaves. The file is as it was, so no step does."""
    written = {s.path: getattr(s, "user", "") for s in (m.step for m in receipt.made) if isinstance(s, WRITES)}
    for path, user in written.items():
        with suppress(ProvisionerError, OSError):
            system.remove_temporary(path, user)


def attempt(step: Step, system: System, say: Say) -> str | None:
    """Run a step of an undo. Return the error, or None. A later look at the host decides whether the undo worked."""
    say(Doing(f"undo: {step.sentence()}"))
    try:
        step.do(system, say)
    except ProvisionerError as e:
        return e.message
    except OSError as e:
        return f"{e.filename or 'this host'}: {e.strerror or e}"
    return None


def _restarts(system: System, receipt: Receipt, done: Done, state: State) -> bool:
    """Return whether the daemon needs a restart or a reload to be as it was."""
    if not receipt.restarts:
        return False
    if done.leaves if state is State.ENDED else receipt.restarted:  # not every effect of a start is visible
        return True
    if receipt.outcome == FAILED and receipt.restarted and _differing(system, receipt) is None:
        return True  # its own restart left the daemon down, and somebody asks for the rollback again
    if state is State.CUT_OFF and not done.leaves:
        return False  # the recovery at boot put the file back before the daemon read it
    now, before = _differing(system, receipt), _before(receipt)
    return now is not None and any(now.get(k, AS_WANTED) != before.get(k, AS_WANTED) for k in _in_effect(receipt))


def _in_effect(receipt: Receipt) -> Iterator[Key]:
    """Yield the keys of a run whose values the running daemon shows.

    What the run wrote into daemon.json is not among them: if somebody has changed it since, no restart undoes that.
    """
    written = {settings.words(settings.Key(made.step.keys)) for made in receipt.made if isinstance(made.step, SetLeaf)}
    for resource, key in receipt.keys:
        if resource in STARTED and key not in (*written, CONFIGURED):
            yield resource, key


def whole(restart: Step, done: Done) -> Step:
    """Replace a reload with a restart if a setting was removed.

    On reload, dockerd keeps the old value of most removed keys.
    """
    if isinstance(restart, Reload) and any(leaf.value is None for leaf in done.leaves):
        return Restart(restart.unit, restart.socket, flavour=restart.flavour)
    return restart


def _restart(system: System, owed: dict[Step, None], say: Say) -> list[str]:
    """Run the pending restarts, one for each engine, and clear the list. Return the errors."""
    chosen = once(owed)
    owed.clear()
    return [error for step in chosen if (error := attempt(step, system, say))]


def once(owed: Iterable[Step]) -> tuple[Step, ...]:
    """Return one restart for each engine. It replaces the reloads of that engine."""
    by_engine = {str(getattr(step, "socket", "")): step for step in owed}
    whole = {step.socket: step for step in owed if isinstance(step, Restart)}
    return tuple({**by_engine, **whole}.values())


def _judged(
    system: System,
    chosen: Sequence[Receipt],
    seen: Mapping[int, Mapping[Key, object] | None],
    kept: list[str],
    *,
    failed: bool,
) -> list[tuple[int, str]]:
    """Return what is not as it was, with the receipt number.

    Differences go to ``kept`` if others made them before the undo, or if no step failed.
    """
    left: list[tuple[int, str]] = []
    for seconds in LOOKS:
        system.pause(seconds)
        unlike = tuple(_unlike(system, chosen, seen))
        left = [(number, words) for number, words, moved in unlike if failed and not moved]
        if not left:
            kept += [words for _, words, _ in unlike]
            break
    return left


def _unlike(
    system: System, chosen: Sequence[Receipt], seen: Mapping[int, Mapping[Key, object] | None]
) -> Iterator[tuple[int, str, bool]]:
    """Yield what is not as before a run: its number, a sentence, and whether it had changed before the undo."""
    judged: set[Key] = set()
    for receipt in reversed(chosen):  # judge a key by the oldest run that changed it
        keys, before = receipt.keys - judged, _before(receipt)
        judged |= keys
        if not keys:
            continue
        try:
            now = _drift(system, receipt)
        except ProvisionerError as e:
            yield receipt.number, e.message, False
            continue
        moved = seen.get(receipt.number) or {}
        for key in sorted(keys):
            was, is_now = before.get(key, AS_WANTED), now.get(key, AS_WANTED)
            if was != is_now:
                was, is_now = (secrets.value(key[1], value) for value in (was, is_now))
                yield receipt.number, f"{': '.join(key)}: {value(is_now)}; before: {value(was)}", key in moved


def _before(receipt: Receipt) -> dict[Key, object]:
    return {(resource, d.key): d.have for resource, d in receipt.before}


def _drift(system: System, receipt: Receipt) -> dict[Key, object]:
    """Return what differs now from what a run wanted."""
    at = target.with_endpoint(system, receipt.desired)
    found = compare.drift(at, facts.gather(at, receipt.desired), receipt.desired)
    return {(resource, d.key): d.have for resource, d in found}


def _differing(system: System, receipt: Receipt) -> dict[Key, object] | None:
    """Return the same as ``_drift``, or None if the host cannot be read."""
    try:
        return _drift(system, receipt)
    except ProvisionerError:
        return None
