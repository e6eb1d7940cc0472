"""What would be done about the differences, as data. No effects beyond reading."""

from types import ModuleType

from provisioner.config.desired import Desired
from provisioner.daemon import edits
from provisioner.daemon.restart import Restart
from provisioner.engine import registries
from provisioner.engine.facts import Facts
from provisioner.errors import DeniedError
from provisioner.model import NOTE, Difference, Reader, State, Unknown
from provisioner.runs import compare
from provisioner.steps import Change, Obstacle, Plan

UNKNOWN = "unknown"  # the code of an obstacle: this user may not see what is there


def make(host: Reader, facts: Facts, desired: Desired) -> Plan:
    """Every resource's change, in the order of application, each planned for the host as those before will leave it."""
    made, notes = [], list[str]()
    for resource in compare.chosen(desired):
        want = resource.want(desired, facts)
        have = _seen(resource, host, facts, want)
        found = compare.differences(want, have)
        notes += [str(have[NOTE])] if have.get(NOTE) else []
        if found:
            change = _change(resource, host, facts, desired, found)
            made.append(change)
            text = edits.after(change.edits, facts.daemon_json)
            facts = facts._replace(hidden=facts.hidden or change.hides)
            if text is not None:
                known = registries.foreseen(facts.registries, host.read(facts.daemon_json), text)
                facts = facts._replace(planned=text, registries=known)
    first = [Change(c.resource, (), c.first) for c in made if c.first]
    return Plan(_restarted_once([*first, *(c._replace(first=()) for c in made)]), tuple(notes))


def _seen(resource: ModuleType, host: Reader, facts: Facts, want: State) -> State:
    """What a resource has; what this user may not see is unknown."""
    try:
        have: State = resource.have(host, facts, want)
    except DeniedError as e:
        return dict.fromkeys(want, Unknown(e.message))
    return have


def _change(
    resource: ModuleType, host: Reader, facts: Facts, desired: Desired, found: tuple[Difference, ...]
) -> Change:
    """What a resource would do. Of what a user may not see nobody can tell; the rest is planned all the same.

    What even root may not see has a reason that its resource knows.
    """
    hidden = tuple(d for d in found if isinstance(d.have, Unknown) and host.uid != 0)
    known = tuple(d for d in found if d not in hidden)
    blocked = [b for d in hidden for b in _unknown(str(d.have)).blocks(d.key)]
    change = Change(resource.NAME, ())
    try:
        change = resource.change(host, facts, desired, known) if known else change
    except DeniedError as e:
        change = change._replace(differences=known)
        blocked += [b for d in known for b in _unknown(e.message).blocks(d.key)]
    return change._replace(differences=(*change.differences, *hidden), blocked=(*change.blocked, *blocked))


def _unknown(message: str) -> Obstacle:
    return Obstacle(UNKNOWN, message, "run provisioner as root")


def _restarted_once(made: list[Change]) -> tuple[Change, ...]:
    """The last change that needs a restart or a reload has it for all of them; a restart, if one of them needs that."""
    needed = [c.restart for c in made if c.restart]
    last = max((i for i, c in enumerate(made) if c.restart), default=None)
    one = next((s for s in needed if isinstance(s, Restart)), needed[-1] if needed else None)
    return tuple(c._replace(restart=one if i == last else None) for i, c in enumerate(made))
