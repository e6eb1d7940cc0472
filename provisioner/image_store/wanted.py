"""The image store that the configuration wants, and the names of the keys that are compared."""

from provisioner.config.desired import Desired
from provisioner.engine import stores
from provisioner.engine.facts import Facts
from provisioner.model import State

FEATURE = "containerd-snapshotter"
IN_EFFECT = "in effect"
CONFIGURED = "containerd-snapshotter in daemon.json"
FIRST = (24,)  # the first engine that has the feature
DEFAULT = (29,)  # the first engine that turns it on by default


def needs_key(facts: Facts) -> bool:
    """Whether this engine starts with the containerd store only if daemon.json sets the key."""
    return facts.prior or stores.store(facts.engine) != "containerd" or not (facts.engine.version or FIRST) >= DEFAULT


def want(desired: Desired, facts: Facts) -> State:
    """Return the desired store, and the key if the engine needs it to start with that store again."""
    if desired.image_store.backend == "unmanaged" or not facts.kind.store:
        return {}
    if facts.kind.layout is not None and not facts.layout.closed and needs_key(facts):
        return {IN_EFFECT: "containerd", CONFIGURED: True}
    return {IN_EFFECT: "containerd"}
