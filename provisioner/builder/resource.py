"""The builder: a persistent BuildKit, registered, running as configured, and selected where ``docker build`` looks.

Three truths are compared: the configuration, buildx's own file, and the container. They are read from files and the
engine's API: ``docker buildx ls`` waits for every dead node, and ``inspect`` exits 0 with broken ones. Every user has
a buildx file of its own; the container on this host is one for all of them, and so is its state volume, the cache.
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
    """The builder as configured for each user, its container, and it being what a new shell builds with."""
    return Wanted(desired.builder, facts)


def have(host: Reader, facts: Facts, want: State) -> State:
    """What each user's store and the container say."""
    if not isinstance(want, Wanted):
        raise TypeError("what is wanted of a builder has fields")
    found = observed.seen(host, facts, want)
    return {keys.words(key): value for key, value in found.state.items()} | {NOTE: "; ".join(found.notes) or None}


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> "Change":
    """The smallest act that mends it: nothing, start, select, edit the file, make the container again, register."""
    from provisioner.builder import changes  # a check of a host in sync needs none of it

    want = Wanted(desired.builder, facts)
    return changes.change(NAME, host, facts, want, differences, packages=desired.packages != "never")
