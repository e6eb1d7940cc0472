"""Which builder a new shell of a user builds with: what was chosen last, and the defaults for this engine's names."""

from provisioner.builder import keys, store
from provisioner.builder.keys import Key
from provisioner.builder.store import Instance, Store
from provisioner.builder.wanted import Wanted
from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.model import Reader, Value
from provisioner.typed import NamedTuple


class Selected(NamedTuple):
    """The keys of the selection, and what a person should know of them."""

    state: dict[Key, Value]
    note: str = ""


def selected(host: Reader, facts: Facts, want: Wanted, kept: Store, instance: Instance | None) -> Selected:
    """What a new shell of the user's builds with; another choice than ours may be the user's to make."""
    name, endpoint = want.builder.name, facts.endpoint.host
    made, default = store.choice(host, kept), store.default(host, kept, endpoint)
    here = made.everywhere or made.key == endpoint
    if instance and want.builder.select == "once" and here and made.name != name and _chosen(host, kept, made, default):
        return Selected(dict.fromkeys(keys.SELECTION, name), _note(kept, made))
    current = made.name if made.name and here else default
    missing = [w for w in store.ways(host, kept, endpoint) if not _leads(host, kept, made, w, name)]
    ways = f"missing for {', '.join(missing)}" if missing else name
    elsewhere = made.key in store.ways(host, kept, endpoint) and made.name != name and not made.everywhere
    note = _note(kept, made, f" in the context {made.key}") if instance and elsewhere and not here else ""
    return Selected({keys.SELECTED: current, keys.DEFAULT: default, keys.WAYS: ways}, note)


def _note(kept: Store, made: store.Choice, where: str = "") -> str:
    """What a person should know of a choice of the user's."""
    other = made.name or "the engine's own builder"
    return f"{kept.user} builds with {other}{where}, by choice: `select: always` would change that back"


def missing_ways(host: Reader, facts: Facts, kept: Store, name: str) -> tuple[str, ...]:
    """The contexts and addresses of this engine for which the builder is not yet the default.

    Those too where somebody has chosen: buildx keeps one choice alone, and to select ours takes its place.
    """
    ways = store.ways(host, kept, facts.endpoint.host)
    try:
        return tuple(way for way in ways if store.default(host, kept, way) != name)
    except ProvisionerError:
        return ways  # what cannot be read is made anew


def _leads(host: Reader, kept: Store, made: store.Choice, way: str, name: str) -> bool:
    """Whether the builder is what is built with there, or somebody has just decided otherwise."""
    return store.default(host, kept, way) == name or (made.key == way and not made.everywhere)


def _chosen(host: Reader, kept: Store, made: store.Choice, default: str | None) -> bool:
    """Whether a choice is one: of a builder that is there, or of the engine's own."""
    if not made.name:
        return default is None
    return host.read(kept.instance_file(made.name.lower()), user=kept.user) is not None
