"""Compare what is with what is wanted. No effects beyond reading."""

from types import ModuleType

from provisioner import daemonjson
from provisioner.desired import Desired
from provisioner.facts import Facts
from provisioner.model import Change, Difference, Plan, Reader, Restart, State
from provisioner.resources import RESOURCES


def differences(want: State, have: State) -> tuple[Difference, ...]:
    """The wanted keys that are not as wanted; keys that nobody asked for do not count."""
    return tuple(Difference(k, have.get(k), w) for k, w in want.items() if have.get(k) != w)


def compare(host: Reader, facts: Facts, desired: Desired) -> Plan:
    """The differences alone, with nothing to be done about them: a drift check, which starts no program."""
    changes = []
    for resource in _chosen(desired):
        want = resource.want(desired, facts)
        found = differences(want, resource.have(host, facts, want))
        if found:
            changes.append(Change(resource.NAME, found))
    return Plan(tuple(changes))


def make(host: Reader, facts: Facts, desired: Desired) -> Plan:
    """Every resource's change, in the order of application, each planned for the host as those before will leave it."""
    changes = []
    for resource in _chosen(desired):
        want = resource.want(desired, facts)
        found = differences(want, resource.have(host, facts, want))
        if found:
            change = resource.change(host, facts, desired, found)
            changes.append(change)
            text = daemonjson.after(change.edits, facts.daemon_json)
            facts = facts._replace(
                hidden=facts.hidden or change.hides,
                planned=facts.planned if text is None else text,
            )
    return Plan(_settled_once(changes))


def _settled_once(changes: list[Change]) -> tuple[Change, ...]:
    """The last change that settles does so for all of them, by a restart if one of them needs it."""
    settles = [s for c in changes for s in c.settle]
    last = max((i for i, c in enumerate(changes) if c.settle), default=None)
    one = next((s for s in settles if isinstance(s, Restart)), settles[-1] if settles else None)
    return tuple(c._replace(settle=(one,) if i == last and one else ()) for i, c in enumerate(changes))


def _chosen(desired: Desired) -> list[ModuleType]:
    return [resource for resource in RESOURCES if not desired.only or resource.NAME in desired.only]
