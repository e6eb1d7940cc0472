"""The values that the configuration wants in daemon.json, and those that the engine should show."""

from provisioner.config.desired import Desired
from provisioner.daemon.file import EFFECT, Keys, flat, leaves, name
from provisioner.engine.facts import Facts
from provisioner.model import State, Value
from provisioner.typed import Any


def want(desired: Desired, facts: Facts) -> State:
    """Return each key with its desired value. A key that is no longer configured gets its earlier value."""
    asked, shown = dict(leaves(desired.daemon)), facts.engine.shown
    every = asked | given_back(desired, facts)
    wanted = {name(keys): flat(value) for keys, value in every.items()}
    return wanted | {
        name(k) + EFFECT: unordered(v) for k, v in every.items() if shown.get(k[0]) is not None and v is not None
    }


def given_back(desired: Desired, facts: Facts) -> dict[Keys, Any]:
    """Return the keys that were ours and are no longer configured, each with its earlier value.

    A key above or below a configured key belongs to that key and is not restored.
    """
    asked = [keys for keys, _ in leaves(desired.daemon)]
    return {keys: old for keys, old in facts.owned if not any(_on_one_path(keys, a) for a in asked)}


def _on_one_path(one: Keys, other: Keys) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def unordered(value: Any) -> Value:
    """Sort a list, because dockerd returns labels in any order after a reload."""
    return flat(sorted(value, key=str) if isinstance(value, list) else value)
