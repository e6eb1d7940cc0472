"""The keys of daemon.json that the configuration sets. Each key is owned separately.

The earlier value is recorded (``engine/memory.py``) and restored once the configuration no longer names the key. A
value that /info shows is compared under a key of its own.
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
    """Set the keys that differ. Reload the daemon if that is enough, else restart it once if the policy allows it."""
    from provisioner.daemon import changes  # a check only compares, so it does not need this import

    return changes.change(NAME, host, facts, desired, differences)
