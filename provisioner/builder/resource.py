"""The builder: a persistent BuildKit that is registered, runs as configured, and is selected for ``docker build``.

Three states are compared: the configuration, buildx's own file, and the container. They are read from files and the
engine's API. buildx itself is not asked: ``docker buildx ls`` waits for every dead node, and ``inspect`` exits with 0
on broken ones. Every user has a separate buildx file. All users share the container on this host and its state volume,
which holds the cache.
"""

from provisioner.builder import keys, observed
from provisioner.builder.keys import NAME
from provisioner.builder.wanted import Wanted
from provisioner.config.desired import Desired
from provisioner.engine.facts import Facts
from provisioner.model import NOTE, Difference, Reader, State
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.steps import Change


__all__ = ["NAME", "change", "have", "want"]


def want(desired: Desired, facts: Facts) -> State:
    """Return the wanted state: the builder for each user, its container, and its selection in a new shell."""
    return Wanted(desired.builder, facts, desired)


def have(host: Reader, facts: Facts, want: State) -> State:
    """Return the state in each user's store and of the container."""
    if not isinstance(want, Wanted):
        raise TypeError("what is wanted of a builder has fields")
    found = observed.seen(host, facts, want)
    return {keys.words(key): value for key, value in found.state.items()} | {NOTE: "; ".join(found.notes) or None}


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> "Change":
    """Return the smallest change: none, start, select, edit the file, make the container again, or register."""
    from provisioner.builder import changes  # a check of a host in sync does not need this module

    want = Wanted(desired.builder, facts, desired)
    packages, caches = desired.packages != "never", desired.delete_caches
    return changes.change(NAME, host, facts, want, differences, packages=packages, caches=caches)
