"""Which builder a user's new shell builds with: the last choice, and the defaults for this engine's names."""

from provisioner.builder import choices, keys
from provisioner.builder.choices import Choice
from provisioner.builder.keys import Key
from provisioner.builder.store import Instance, Store
from provisioner.builder.wanted import Wanted
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError, ProvisionerError
from provisioner.model import Reader, Value
from provisioner.typed import NamedTuple


class Selected(NamedTuple):
    """The keys of the selection, and a note for a person."""

    state: dict[Key, Value]
    note: str = ""


def selected(host: Reader, facts: Facts, want: Wanted, kept: Store, instance: Instance | None) -> Selected:
    """Return what the user's new shell builds with. The user may be free to choose another builder."""
    name, endpoint = want.builder.name, facts.endpoint.host
    default, unknown = _default(host, kept, endpoint)
    try:
        made = choices.choice(host, kept)
    except ConfigError as e:
        made, unknown = Choice(), e.message
    here = made.key == endpoint or (made.everywhere and choices.usable(host, kept, made.name))
    former = made.name in (key.name for key in want.gone if key.part == keys.FORMER)  # an apply selected it
    if (
        instance
        and not former
        and want.builder.select == "once"
        and here
        and made.name != name
        and _chosen(host, kept, made, default)
    ):
        return Selected(dict.fromkeys(keys.SELECTION, name), _note(kept, made))
    current = made.name if made.name and here else unknown or default
    known = choices.ways(host, kept, endpoint)
    elsewhere = made.key in known and made.name != name and not made.everywhere
    stale = (made.key,) if former and elsewhere else ()
    missing = [w for w in known if w in stale or not _leads(host, kept, made, w, name)]
    ways = f"missing for {', '.join(missing)}" if missing else name
    free = instance and elsewhere and not here and not former
    note = _note(kept, made, f" in the context {made.key}") if free else ""
    return Selected({keys.SELECTED: current, keys.DEFAULT: default, keys.WAYS: ways}, note)


def _default(host: Reader, kept: Store, way: str) -> tuple[str | None, str]:
    """Return the default for a way to the engine, and why buildx cannot read it."""
    try:
        return choices.default(host, kept, way), ""
    except ConfigError as e:
        return None, e.message


def _note(kept: Store, made: Choice, where: str = "") -> str:
    """Return a note about the user's own choice."""
    other = made.name or "the engine's own builder"
    return f"{kept.user} builds with {other}{where}, by choice: `select: always` would change that back"


def missing_ways(host: Reader, facts: Facts, kept: Store, name: str) -> tuple[str, ...]:
    """Return the contexts and addresses of this engine for which the builder is not yet the default.

    This includes one for which the user chose a builder. buildx keeps only one choice, and selecting ours replaces it.
    """
    ways = choices.ways(host, kept, facts.endpoint.host)
    try:
        return tuple(way for way in ways if choices.default(host, kept, way) != name)
    except ProvisionerError:
        return ways  # a file that cannot be read is written again


def _leads(host: Reader, kept: Store, made: Choice, way: str, name: str) -> bool:
    """Return whether a build there uses the builder, or the user has just chosen another one there."""
    return _default(host, kept, way)[0] == name or (made.key == way and not made.everywhere)


def _chosen(host: Reader, kept: Store, made: Choice, default: str | None) -> bool:
    """Return whether a choice is valid: the chosen builder exists, or it is the engine's own."""
    if not made.name:
        return default is None
    return choices.usable(host, kept, made.name)
