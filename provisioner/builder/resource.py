"""The builder: a persistent BuildKit, registered, running as configured, and selected where ``docker build`` looks.

Three truths are compared: the configuration, buildx's own file, and the container. They are read from files and the
engine's API: ``docker buildx ls`` waits for every dead node, and ``inspect`` exits 0 with broken ones. Every user has
a buildx file of its own; the container on this host is one for all of them, and so is its state volume, the cache.
"""

from provisioner.builder import observed
from provisioner.builder.wanted import Wanted
from provisioner.config.desired import Desired
from provisioner.engine.facts import Facts
from provisioner.model import Difference, Reader, State
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.steps import Change

NAME = "builder"


def want(desired: Desired, facts: Facts) -> State:
    """The builder as configured for each user, its container, and it being what a new shell builds with."""
    return Wanted(desired.builder, facts)


def have(host: Reader, facts: Facts, want: State) -> State:
    """What each user's store and the container say."""
    if not isinstance(want, Wanted):
        raise TypeError("what is wanted of a builder is more than its keys")
    return observed.state(host, facts, want)


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> "Change":
    """The smallest act that mends it: nothing, start, select, edit the file, make the container again, register."""
    from provisioner.builder import changes  # a check only compares

    return changes.change(NAME, host, facts, Wanted(desired.builder, facts), differences)
