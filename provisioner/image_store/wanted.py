"""When an engine has containerd's image store, and what the keys that belong to it are called."""

from provisioner.config.desired import Desired
from provisioner.engine import stores
from provisioner.engine.facts import Facts
from provisioner.model import State

FEATURE = "containerd-snapshotter"
IN_EFFECT = "in effect"
CONFIGURED = "containerd-snapshotter in daemon.json"
FIRST = (24,)  # the first engine that knows the feature
DEFAULT = (29,)  # the first one that has it on by itself


def needs_key(facts: Facts) -> bool:
    """Whether this engine comes up with the containerd store only if daemon.json says so."""
    return facts.prior or stores.store(facts.engine) != "containerd" or not (facts.engine.version or FIRST) >= DEFAULT


def want(desired: Desired, facts: Facts) -> State:
    """The store in effect, and the key wherever the engine needs it to come up like that again."""
    if desired.image_store.backend == "unmanaged" or not facts.kind.store:
        return {}
    if facts.kind.layout is not None and not facts.layout.closed and needs_key(facts):
        return {IN_EFFECT: "containerd", CONFIGURED: True}
    return {IN_EFFECT: "containerd"}
