"""Leaves of daemon.json that the configuration wants there, each owned by itself.

What stood there before is remembered (``engine/memory.py``), and comes back when the configuration names the leaf no
longer.
Where /info shows what is in effect, that is a key of its own.
"""

from provisioner.config.desired import Desired
from provisioner.daemon import observed, wanted
from provisioner.engine.facts import Facts
from provisioner.model import Difference, Reader
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.steps import Change

NAME = "daemon"
want, have = wanted.want, observed.have


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> "Change":
    """Set what differs; reload where that is enough, else restart once, if policy lets us."""
    from provisioner.daemon import changes  # a check only compares

    return changes.change(NAME, host, facts, desired, differences)
