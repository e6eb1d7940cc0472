"""What daemon.json says, and what the engine shows of it."""

from provisioner.daemon import file
from provisioner.daemon.file import EFFECT, flat, leaves, name
from provisioner.daemon.wanted import unordered
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError, DeniedError
from provisioner.model import Reader, State, Unknown, Value
from provisioner.text import json_read
from provisioner.typed import Any


def have(host: Reader, facts: Facts, want: State) -> State:
    """What daemon.json says, and what the engine shows of it; a sentence where the file cannot be taken."""
    if not want:
        return {}
    shown: dict[str, Value] = {key + EFFECT: unordered(value) for key, value in facts.engine.shown.items()}
    try:
        found = file.load(host, facts)
    except (ConfigError, DeniedError) as e:
        said = Unknown(e.message) if isinstance(e, DeniedError) else e.message
        return shown | {key: said for key in want if not key.endswith(EFFECT)}
    return {**shown, **{name(keys): flat(value) for keys, value in leaves(found)}, **_objects(found, want)}


def _objects(found: dict[str, Any], want: State) -> State:
    """Objects that stand where a leaf is wanted."""
    there = ((key, json_read.leaf(found, tuple(key.split(".")))) for key in want)
    return {key: flat(value) for key, value in there if isinstance(value, dict)}
