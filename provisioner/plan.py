"""Compare what is with what is wanted. No effects beyond reading."""

from provisioner.desired import Desired
from provisioner.facts import Facts
from provisioner.model import Change, Difference, Plan, Reader, State
from provisioner.resources import RESOURCES


def differences(want: State, have: State) -> tuple[Difference, ...]:
    """The wanted keys that are not as wanted; keys that nobody asked for do not count."""
    return tuple(Difference(k, have.get(k), w) for k, w in want.items() if have.get(k) != w)


def compare(host: Reader, facts: Facts, desired: Desired) -> Plan:
    """The differences alone, with nothing to be done about them: a drift check, which starts no program."""
    changes = []
    for resource in RESOURCES:
        want = resource.want(desired, facts)
        found = differences(want, resource.have(host, facts, want))
        if found:
            changes.append(Change(resource.NAME, found))
    return Plan(tuple(changes))


def make(host: Reader, facts: Facts, desired: Desired) -> Plan:
    """Every resource's change, in the order of application, each planned for the host as those before will leave it."""
    changes = []
    for resource in RESOURCES:
        want = resource.want(desired, facts)
        found = differences(want, resource.have(host, facts, want))
        if found:
            change = resource.change(host, facts, desired, found)
            changes.append(change)
            if change.settle:  # a switch of the store hides what the engine holds now
                facts = facts._replace(hidden=True)
    return Plan(tuple(changes))
