"""What the configuration asks of daemon.json, and what the engine should show of it."""

from provisioner.config.desired import Desired
from provisioner.daemon.file import EFFECT, flat, leaves, name
from provisioner.engine.facts import Facts
from provisioner.model import State, Value
from provisioner.typed import Any


def want(desired: Desired, facts: Facts) -> State:
    """Each leaf with its value; one that is no longer asked for with the value that stood there before."""
    asked = dict(leaves(desired.daemon))
    wanted = {name(keys): flat(value) for keys, value in asked.items()}
    wanted |= {name(keys): flat(before) for keys, before in facts.owned if keys not in asked}
    shown = facts.engine.shown
    return wanted | {
        name(k) + EFFECT: unordered(v) for k, v in asked.items() if shown.get(k[0]) is not None and v is not None
    }


def unordered(value: Any) -> Value:
    """A value in effect: after a reload dockerd gives labels in any order."""
    return flat(sorted(value, key=str) if isinstance(value, list) else value)
