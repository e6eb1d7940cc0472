"""Leaves of daemon.json that the configuration wants there, each owned by itself.

What stood there before is remembered (``engine/memory.py``), and comes back when the configuration names the leaf no
longer.
Where /info shows what is in effect, that is a key of its own.
"""

from provisioner.config.desired import Desired
from provisioner.daemon import file
from provisioner.daemon.file import EFFECT, flat, leaves, name
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError, DeniedError
from provisioner.model import Difference, Reader, State, Unknown, Value
from provisioner.text import json_read
from provisioner.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provisioner.steps import Change

NAME = "daemon"


def want(desired: Desired, facts: Facts) -> State:
    """Each leaf with its value; one that is no longer asked for with the value that stood there before."""
    asked = dict(leaves(desired.daemon))
    wanted = {name(keys): flat(value) for keys, value in asked.items()}
    wanted |= {name(keys): flat(before) for keys, before in facts.owned if keys not in asked}
    shown = facts.engine.shown
    return wanted | {
        name(k) + EFFECT: _unordered(v) for k, v in asked.items() if shown.get(k[0]) is not None and v is not None
    }


def have(host: Reader, facts: Facts, want: State) -> State:
    """What daemon.json says, and what the engine shows of it; a sentence where the file cannot be taken."""
    if not want:
        return {}
    shown: dict[str, Value] = {key + EFFECT: _unordered(value) for key, value in facts.engine.shown.items()}
    try:
        found = file.load(host, facts)
    except (ConfigError, DeniedError) as e:
        said = Unknown(e.message) if isinstance(e, DeniedError) else e.message
        return shown | {key: said for key in want if not key.endswith(EFFECT)}
    return {**shown, **{name(keys): flat(value) for keys, value in leaves(found)}, **_objects(found, want)}


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> "Change":
    """Set what differs; reload where that is enough, else restart once, if policy lets us."""
    from provisioner.daemon import changes  # a check only compares

    return changes.change(NAME, host, facts, desired, differences)


def _unordered(value: Any) -> Value:
    """A value in effect: after a reload dockerd gives labels in any order."""
    return flat(sorted(value, key=str) if isinstance(value, list) else value)


def _objects(found: dict[str, Any], want: State) -> State:
    """Objects that stand where a leaf is wanted."""
    there = ((key, json_read.leaf(found, tuple(key.split(".")))) for key in want)
    return {key: flat(value) for key, value in there if isinstance(value, dict)}
