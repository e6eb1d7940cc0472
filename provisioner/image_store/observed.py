"""The active image store, and the value of its key in daemon.json."""

from provisioner.daemon import file
from provisioner.engine import stores
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError, DeniedError
from provisioner.image_store.wanted import CONFIGURED, FEATURE, IN_EFFECT
from provisioner.model import Reader, State, Unknown, Value
from provisioner.text import command_line, json_read


def have(host: Reader, facts: Facts, want: State) -> State:
    """Return the active image store and the value in daemon.json."""
    if not want:
        return {}
    if CONFIGURED not in want:
        return {IN_EFFECT: stores.store(facts.engine)}
    return {IN_EFFECT: stores.store(facts.engine), CONFIGURED: _configured(host, facts)}


def _configured(host: Reader, facts: Facts) -> Value:
    """Return the key's value, None if it is missing, or a sentence if the file cannot be used."""
    if {FEATURE, f"{FEATURE}=true"} & set(command_line.values(facts.flags, "--feature")):
        return True
    if facts.unseen:
        return Unknown(facts.unseen)
    try:
        value = json_read.leaf(file.load(host, facts, facts.leaf), facts.leaf)
    except (ConfigError, DeniedError) as e:
        return Unknown(e.message) if isinstance(e, DeniedError) else e.message
    return value if isinstance(value, bool) or value is None else f"{value!r}, which is not true or false"
