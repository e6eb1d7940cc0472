"""Builders, registrations and caches that applies have made and the configuration no longer asks for."""

from provisioner.builder import choices, container, keys, store
from provisioner.builder.keys import Key
from provisioner.config import drivers
from provisioner.config.desired import AUTO, Builder, Desired
from provisioner.engine.facts import Facts
from provisioner.errors import DeniedError, ProvisionerError
from provisioner.model import Reader, Unknown, Value
from provisioner.text.sizes import human
from provisioner.typed import NamedTuple


class Left(NamedTuple):
    """What an apply removes, by key, and a note about what the configuration keeps."""

    gone: tuple[Key, ...] = ()
    note: str = ""


def found(desired: Desired, facts: Facts) -> Left:
    """Return what may be left over, as far as we remember. ``have`` looks whether it is there."""
    builder = desired.builder
    users = () if AUTO in desired.keep else facts.made.get(builder.name, ())
    things = {
        "builders": [Key(keys.FORMER, name) for name in facts.made if name != builder.name and facts.made[name]],
        "users": [Key(keys.REGISTERED.part, user=user) for user in users if user not in builder.users],
    }
    kept = {kind: left for kind, left in things.items() if kind in desired.keep and left}
    gone = [key for kind, left in things.items() if kind not in kept for key in left]
    gone += [Key(keys.CACHE, volume) for volume in facts.caches]
    notes = (f"kept, if it is there: {', '.join(map(keys.words, left))} (keep: {kind})" for kind, left in kept.items())
    return Left(tuple(gone), "; ".join(notes))


def have(host: Reader, facts: Facts, builder: Builder, key: Key) -> Value:
    """Return what is there of it; None if there is nothing."""
    if key.part == keys.CACHE:
        return human(facts.caches[key.name])
    if key.part != keys.FORMER:
        return registered(host, builder.name, key.user, facts.endpoint.host)
    users = {user: registered(host, key.name, user, facts.endpoint.host) for user in facts.made[key.name]}
    if unknown := next((said for said in users.values() if isinstance(said, Unknown)), None):
        return unknown
    if names := [user for user, said in users.items() if said]:
        return f"registered for {', '.join(names)}"
    box = drivers.container(drivers.first(key.name))
    there = bool(facts.socket) and host.get(facts.socket, drivers.inspect_container(box)) is not None
    return f"the container {box}" if there else None


def registered(host: Reader, name: str, user: str, endpoint: str) -> Value:
    """Return the driver of a builder that is registered for a user; None if there is none.

    A builder of that name whose container is on another engine than the one at ``endpoint`` is not meant.
    """
    account = host.account(user)
    if account is None:
        return None
    kept = store.of(host, account)
    if store.hidden(host, kept):
        return Unknown(f"{account.home} is hidden from this process")
    try:
        there = store.instance(host, kept, name)
    except DeniedError as e:
        return Unknown(e.message)
    except ProvisionerError:
        return "a file that buildx cannot read"
    if there is None or not there.nodes:
        return None
    here = (endpoint, *choices.ways(host, kept, endpoint))
    return there.driver if there.driver != drivers.CONTAINER or there.nodes[0].endpoint in here else None


def volume(name: str) -> str:
    """Return the volume with the cache of a builder's own node."""
    return container.volume(drivers.first(name))
