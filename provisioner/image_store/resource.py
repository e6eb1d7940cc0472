"""The image store: containerd's, so that an image can hold several platforms.

Judged by what is in effect. The file is a second key: a store that is on while its key is gone goes off at the next
start (24 to 28), or may (29, on a host that once used a graph driver).
"""

from provisioner.config.desired import Desired
from provisioner.engine.facts import Facts
from provisioner.image_store import observed, wanted
from provisioner.model import Difference, Reader
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.steps import Change

NAME = "image store"
want, have = wanted.want, observed.have


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> "Change":
    """Set one leaf, restart once where the store is not yet in effect."""
    from provisioner.image_store import changes  # a check only compares

    return changes.change(NAME, host, facts, desired, differences)
