"""What the configuration asks of daemon.json, and what the engine should show of it."""

from provisioner.config.desired import Desired
from provisioner.daemon.file import EFFECT, Keys, flat, leaves, name
from provisioner.engine.facts import Facts
from provisioner.model import State, Value
from provisioner.typed import Any


def want(desired: Desired, facts: Facts) -> State:
    """Each leaf with its value; one that is no longer asked for with the value that stood there before."""
    asked, shown = dict(leaves(desired.daemon)), facts.engine.shown
    every = asked | given_back(desired, facts)
    wanted = {name(keys): flat(value) for keys, value in every.items()}
    return wanted | {
        name(k) + EFFECT: unordered(v) for k, v in every.items() if shown.get(k[0]) is not None and v is not None
    }


def given_back(desired: Desired, facts: Facts) -> dict[Keys, Any]:
    """The leaves that were ours and are no longer asked for, each with the value that stood there before.

    One that lies above or below a leaf that is asked for now is part of that, and not given back.
    """
    asked = [keys for keys, _ in leaves(desired.daemon)]
    return {keys: old for keys, old in facts.owned if not any(_on_one_path(keys, a) for a in asked)}


def _on_one_path(one: Keys, other: Keys) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def unordered(value: Any) -> Value:
    """A value in effect: after a reload dockerd gives labels in any order."""
    return flat(sorted(value, key=str) if isinstance(value, list) else value)
