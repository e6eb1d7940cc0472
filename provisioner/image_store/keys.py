"""When an engine has containerd's image store, and what the keys that belong to it are called."""

from provisioner.engine import stores
from provisioner.engine.facts import Facts

FEATURE = "containerd-snapshotter"
IN_EFFECT = "in effect"
CONFIGURED = "containerd-snapshotter in daemon.json"
FIRST = (24,)  # the first engine that knows the feature
DEFAULT = (29,)  # the first one that has it on by itself


def needs_key(facts: Facts) -> bool:
    """Whether this engine comes up with the containerd store only if daemon.json says so."""
    return facts.prior or stores.store(facts.engine) != "containerd" or not (facts.engine.version or FIRST) >= DEFAULT
