"""What is against what is wanted, and no effect beyond reading: all that a check of a host in sync does."""

from types import ModuleType

from provisioner.config.desired import Desired
from provisioner.engine.facts import Facts
from provisioner.errors import DeniedError
from provisioner.model import Difference, Found, Reader, State, Unknown
from provisioner.runs.resources import RESOURCES
from provisioner.typed import TypeAlias

Seen: TypeAlias = tuple[tuple[str, State, State], ...]  # each resource's name, what is wanted of it, what it has


def differences(want: State, have: State) -> tuple[Difference, ...]:
    """The wanted keys that are not as wanted; keys that nobody asked for do not count."""
    return tuple(Difference(k, have.get(k), w) for k, w in want.items() if have.get(k) != w)


def look(host: Reader, facts: Facts, desired: Desired) -> Seen:
    """Every resource as it is and as it is wanted: a drift check, which starts no program but our probes."""
    seen = []
    for resource in chosen(desired):
        want = resource.want(desired, facts)
        try:
            have = resource.have(host, facts, want)
        except DeniedError as e:  # what cannot be seen is unknown, and the rest is still worth knowing
            have = dict.fromkeys(want, Unknown(e.message))
        seen.append((resource.NAME, want, have))
    return tuple(seen)


def drifted(seen: Seen) -> Found:
    """What is not as wanted in what was seen."""
    return tuple((name, d) for name, want, have in seen for d in differences(want, have))


def drift(host: Reader, facts: Facts, desired: Desired) -> Found:
    """What is not as wanted on a host."""
    return drifted(look(host, facts, desired))


def chosen(desired: Desired) -> list[ModuleType]:
    """The resources that this run is about."""
    return [resource for resource in RESOURCES if not desired.only or resource.NAME in desired.only]
