"""The image store: containerd's store, in which an image can have several platforms.

The active store decides. The key in daemon.json is compared separately, because an active store without the key may not
survive a restart. Engines 24 to 28 always turn it off then. Engine 29 may, on a host that once used a graph driver.
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
    """Set one key, and restart once if the store is not active yet."""
    from provisioner.image_store import changes  # a check only compares, so it does not need this import

    return changes.change(NAME, host, facts, desired, differences)
