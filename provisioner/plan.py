"""Compare what is with what is wanted. No effects beyond reading."""

from types import ModuleType
from typing import TypeAlias

from provisioner import daemonjson, registries
from provisioner.acts import Change, Plan, Restart
from provisioner.desired import Desired
from provisioner.errors import DeniedError
from provisioner.facts import Facts
from provisioner.model import NOTE, Difference, Reader, State, Unknown
from provisioner.resources import RESOURCES

Seen: TypeAlias = tuple[tuple[str, State, State], ...]  # each resource's name, what is wanted of it, what it has


def differences(want: State, have: State) -> tuple[Difference, ...]:
    """The wanted keys that are not as wanted; keys that nobody asked for do not count."""
    return tuple(Difference(k, have.get(k), w) for k, w in want.items() if have.get(k) != w)


def look(host: Reader, facts: Facts, desired: Desired) -> Seen:
    """Every resource as it is and as it is wanted: a drift check, which starts no program but our probes."""
    seen = []
    for resource in _chosen(desired):
        want = resource.want(desired, facts)
        try:
            have = resource.have(host, facts, want)
        except DeniedError as e:  # what cannot be seen is unknown, and the rest is still worth knowing
            have = dict.fromkeys(want, Unknown(e.message))
        seen.append((resource.NAME, want, have))
    return tuple(seen)


def compared(seen: Seen) -> Plan:
    """The differences alone, with nothing to be done about them."""
    found = ((name, differences(want, have)) for name, want, have in seen)
    notes = tuple(str(have[NOTE]) for _, _, have in seen if have.get(NOTE))
    return Plan(tuple(Change(name, wrong) for name, wrong in found if wrong), notes)


def compare(host: Reader, facts: Facts, desired: Desired) -> Plan:
    """The differences between a host and a configuration."""
    return compared(look(host, facts, desired))


def make(host: Reader, facts: Facts, desired: Desired) -> Plan:
    """Every resource's change, in the order of application, each planned for the host as those before will leave it."""
    changes, notes = [], list[str]()
    for resource in _chosen(desired):
        want = resource.want(desired, facts)
        have = resource.have(host, facts, want)
        found = differences(want, have)
        notes += [str(have[NOTE])] if have.get(NOTE) else []
        if found:
            change = resource.change(host, facts, desired, found)
            changes.append(change)
            text = daemonjson.after(change.edits, facts.daemon_json)
            facts = facts._replace(
                hidden=facts.hidden or change.hides,
                planned=facts.planned if text is None else text,
                registries=registries.foreseen(facts.registries, host.read(facts.daemon_json), text),
            )
    return Plan(_settled_once(changes), tuple(notes))


def _settled_once(changes: list[Change]) -> tuple[Change, ...]:
    """The last change that settles does so for all of them, by a restart if one of them needs it."""
    settles = [s for c in changes for s in c.settle]
    last = max((i for i, c in enumerate(changes) if c.settle), default=None)
    one = next((s for s in settles if isinstance(s, Restart)), settles[-1] if settles else None)
    return tuple(c._replace(settle=(one,) if i == last and one else ()) for i, c in enumerate(changes))


def _chosen(desired: Desired) -> list[ModuleType]:
    return [resource for resource in RESOURCES if not desired.only or resource.NAME in desired.only]
