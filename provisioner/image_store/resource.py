"""The image store: containerd's, so that an image can hold several platforms.

Judged by what is in effect. The file is a second key: a store that is on while its key is gone goes off at the next
start (24 to 28), or may (29, on a host that once used a graph driver).
"""

from provisioner.config.desired import Desired
from provisioner.daemon import file
from provisioner.engine import stores
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError, DeniedError
from provisioner.image_store.keys import CONFIGURED, FEATURE, IN_EFFECT, needs_key
from provisioner.model import Difference, Reader, State, Unknown, Value
from provisioner.text import command_line, json_read
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.steps import Change

NAME = "image store"


def want(desired: Desired, facts: Facts) -> State:
    """The store in effect, and the key wherever the engine needs it to come up like that again."""
    if desired.image_store.backend == "unmanaged" or not facts.kind.store:
        return {}
    if facts.kind.layout is not None and not facts.layout.closed and needs_key(facts):
        return {IN_EFFECT: "containerd", CONFIGURED: True}
    return {IN_EFFECT: "containerd"}


def have(host: Reader, facts: Facts, want: State) -> State:
    """What is in effect, and what daemon.json says."""
    if not want:
        return {}
    if CONFIGURED not in want:
        return {IN_EFFECT: stores.store(facts.engine)}
    return {IN_EFFECT: stores.store(facts.engine), CONFIGURED: _configured(host, facts)}


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> "Change":
    """Set one leaf, restart once where the store is not yet in effect."""
    from provisioner.image_store import changes  # a check only compares

    return changes.change(NAME, host, facts, desired, differences)


def _configured(host: Reader, facts: Facts) -> Value:
    """The key's value; None where it is missing; a sentence where the file cannot be taken as it is."""
    if {FEATURE, f"{FEATURE}=true"} & set(command_line.values(facts.flags, "--feature")):
        return True
    try:
        value = json_read.leaf(file.load(host, facts, facts.leaf), facts.leaf)
    except (ConfigError, DeniedError) as e:
        return Unknown(e.message) if isinstance(e, DeniedError) else e.message
    return value if isinstance(value, bool) or value is None else f"{value!r}, which is no boolean"
