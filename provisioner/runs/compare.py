"""Compare the host with the configuration, read-only. A check of a host in sync needs nothing else."""

from types import ModuleType

from provisioner.config.desired import Desired
from provisioner.engine.facts import Facts
from provisioner.errors import DeniedError
from provisioner.model import Difference, Found, Reader, State, Unknown
from provisioner.runs.resources import RESOURCES
from provisioner.typed import TypeAlias

Seen: TypeAlias = tuple[tuple[str, State, State], ...]  # per resource: its name, the wanted state, and the actual state


def differences(want: State, have: State) -> tuple[Difference, ...]:
    """Return the wanted keys whose values differ. Ignore keys that the configuration does not ask for."""
    return tuple(Difference(k, have.get(k), w) for k, w in want.items() if have.get(k) != w)


def look(host: Reader, facts: Facts, desired: Desired) -> Seen:
    """Return the wanted state and the actual state of every resource.

    A drift check uses this. It starts no program except our test programs.
    """
    seen = []
    for resource in chosen(desired):
        want = resource.want(desired, facts)
        try:
            have = resource.have(host, facts, want)
        except DeniedError as e:  # report what cannot be read as unknown, and go on with the rest
            have = dict.fromkeys(want, Unknown(e.message))
        seen.append((resource.NAME, want, have))
    return tuple(seen)


def drifted(seen: Seen) -> Found:
    """Return the differences in a look at the host."""
    return tuple((name, d) for name, want, have in seen for d in differences(want, have))


def drift(host: Reader, facts: Facts, desired: Desired) -> Found:
    """Look at the host and return what differs from the configuration."""
    return drifted(look(host, facts, desired))


def chosen(desired: Desired) -> list[ModuleType]:
    """Return the resources that this run covers."""
    return [resource for resource in RESOURCES if not desired.only or resource.NAME in desired.only]
