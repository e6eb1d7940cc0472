"""Take runs back: their steps newest first, one restart, and a look at what those steps can have changed.

A run that failed is taken back step by step. One that had ended may lie weeks back: what somebody has changed since
stays, and so does what is already as it was. Each is judged by its own keys alone, never by the rest of the host.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from provisioner.daemon.restart import Reload, Restart
from provisioner.engine import facts, target
from provisioner.errors import ProvisionerError, RollbackFailedError
from provisioner.host import System
from provisioner.image_store.trial import ClearTrial
from provisioner.model import Reader
from provisioner.runs import compare
from provisioner.runs.journal import Journal, Key, Made, Receipt
from provisioner.runs.receipts import FAILED
from provisioner.runs.session import uninterruptible
from provisioner.steps import Say, Step
from provisioner.steps.files import SetLeaf

LOOKS = (0.0, 0.2, 0.5)  # seconds before each look, while a daemon that was just started comes up
AS_WANTED = "as wanted"
DO, SO, CHANGED = "put back", "already so", "changed since"


class State(Enum):
    """How a run that is taken back had ended."""

    FAILED = "just now, and nobody else has had a hand in it"
    CUT_OFF = "some time ago, in the middle of a step"
    ENDED = "maybe weeks ago, so what somebody has changed since stays"


class Item(NamedTuple):
    """One step of an undo, and what becomes of it: it is made, it is already so, or somebody has changed that since."""

    step: Step
    fate: str


class Done(NamedTuple):
    """What putting a run's steps back has come to: the items, and what went wrong."""

    items: tuple[Item, ...]
    errors: tuple[str, ...]

    @property
    def leaves(self) -> tuple[SetLeaf, ...]:
        """The settings of the daemon's that were put back."""
        return tuple(i.step for i in self.items if i.fate == DO and isinstance(i.step, SetLeaf))


def items(host: Reader, receipt: Receipt, state: State) -> Iterator[Item]:
    """The steps that take a run back, each with its fate as the host stands when it is asked for."""
    for made in reversed(receipt.made):
        for step in made.undo:
            yield Item(step, _fate(host, made, step, state))


def _fate(host: Reader, made: Made, step: Step, state: State) -> str:
    if state is not State.FAILED and step.stands(host):
        return SO
    return CHANGED if state is State.ENDED and made.step.stands(host) is False else DO


def undo(
    system: System, chosen: Sequence[Receipt], outcome: str, say: Say, state: State, *, last: bool = False
) -> tuple[str, ...]:
    """Take runs back, the newest first. RollbackFailedError: something is not as it was; nothing repeats that unasked.

    ``last``: nothing else follows.
    Returns: what is not as it was before, and why that is not ours to change.
    """
    careful = state is State.ENDED
    seen = {r.number: _differing(system, r) for r in chosen} if careful else {}
    errors: list[str] = []
    kept: list[str] = []
    with uninterruptible(last=last):
        owed: dict[Step, None] = {}
        for receipt in chosen:
            at = target.with_endpoint(system, receipt.desired)
            done = put_back(at, receipt, say, state)
            errors += done.errors
            kept += [
                f"{i.step.sentence()}: not done, somebody has changed that since"
                for i in done.items
                if i.fate == CHANGED
            ]
            if _restarts(at, receipt, done, state):
                down = careful and seen[receipt.number] is None  # it reads its file when it starts
                needed = (whole(r, done) for r in receipt.restarts)
                owed |= dict.fromkeys(r for r in needed if not (down and isinstance(r, Reload)))
            if any(isinstance(step, ClearTrial) for step in receipt.undo):  # what is older lies in the other store
                errors += _restart(at, owed, say)
        errors += _restart(target.with_endpoint(system, chosen[-1].desired), owed, say) if chosen else []
        for receipt in chosen:
            Journal(system, receipt.number).end(outcome)
    left = _judged(system, chosen, seen, kept, failed=bool(errors) or state is State.FAILED)
    for number in {number for number, _ in left}:
        Journal(system, number).end(FAILED)
    if left:
        newest = chosen[0].number
        hint = (
            f"put that right by hand, or keep it with `provisioner rollback --accept {newest}`; "
            f"`provisioner rollback {newest}` tries again; {'; '.join(errors)}"
        )
        what = "; ".join(dict.fromkeys(words for _, words in left))
        raise RollbackFailedError(f"the rollback did not put everything back: {what}", hint=hint.rstrip("; "))
    for words in kept:
        say(f"note: {words}")
    return tuple(kept)


def put_back(system: System, receipt: Receipt, say: Say, state: State = State.FAILED) -> Done:
    """Make the steps that take a run back, each judged right before it is made."""
    done, errors = [], []
    for item in items(system, receipt, state):
        done.append(item)
        if item.fate == DO and (error := attempt(item.step, system, say)):
            errors.append(error)
    return Done(tuple(done), tuple(errors))


def attempt(step: Step, system: System, say: Say) -> str | None:
    """Make a step of an undo; what went wrong is a note, for the verdict comes from looking."""
    say(f"undo: {step.sentence()}")
    try:
        step.do(system, say)
    except (ProvisionerError, OSError) as e:
        return str(e)
    return None


def _restarts(system: System, receipt: Receipt, done: Done, state: State) -> bool:
    """Whether the daemon has to be restarted, or told to reload, before it is as it was."""
    if not receipt.restarts:
        return False
    if done.leaves if state is State.ENDED else receipt.restarted:  # what a start took in need not show
        return True
    if state is State.CUT_OFF and not done.leaves:
        return False  # a boot has put the file back, before the daemon read it
    keys = {key for key in receipt.keys if key[1].endswith("in effect")}
    now, before = _differing(system, receipt), _before(receipt)
    return now is not None and any(now.get(k, AS_WANTED) != before.get(k, AS_WANTED) for k in keys)


def whole(restart: Step, done: Done) -> Step:
    """A restart instead of a reload that has no effect: of most keys that are gone, dockerd keeps the value."""
    if isinstance(restart, Reload) and any(leaf.value is None for leaf in done.leaves):
        return Restart(restart.unit, restart.socket, flavour=restart.flavour)
    return restart


def _restart(system: System, owed: dict[Step, None], say: Say) -> list[str]:
    """Make what is owed, a restart for all reloads; nothing is owed afterwards. What went wrong."""
    whole: list[Step] = [step for step in owed if isinstance(step, Restart)]
    chosen = whole[:1] or list(owed)
    owed.clear()
    return [error for step in chosen if (error := attempt(step, system, say))]


def _judged(
    system: System,
    chosen: Sequence[Receipt],
    seen: Mapping[int, Mapping[Key, object] | None],
    kept: list[str],
    *,
    failed: bool,
) -> list[tuple[int, str]]:
    """What is not as it was, by receipt. What was changed by others before, or by no step that failed, is only kept."""
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
    """What is not as before a run: its number, words for it, and whether that had been changed before the undo."""
    judged: set[Key] = set()
    for receipt in reversed(chosen):  # a key is judged by the oldest run that has changed it
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
                yield receipt.number, f"{' '.join(key)} is {is_now!s}, was {was!s}", key in moved


def _before(receipt: Receipt) -> dict[Key, object]:
    return {(resource, d.key): d.have for resource, d in receipt.before}


def _drift(system: System, receipt: Receipt) -> dict[Key, object]:
    """What is not as a run wanted it, now."""
    at = target.with_endpoint(system, receipt.desired)
    found = compare.drift(at, facts.gather(at, receipt.desired), receipt.desired)
    return {(resource, d.key): d.have for resource, d in found}


def _differing(system: System, receipt: Receipt) -> dict[Key, object] | None:
    """The same; None: nobody can look."""
    try:
        return _drift(system, receipt)
    except ProvisionerError:
        return None
