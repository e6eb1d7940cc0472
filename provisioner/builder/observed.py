"""Observe each user's buildx file and selection, and the container. Uses files and the engine's API, no program."""

from collections.abc import Collection, Iterator, Mapping

from provisioner.builder import (
    buildkitd,
    choices,
    container,
    keys,
    limits,
    node_engines,
    ownership,
    places,
    routes,
    selection,
    store,
    wanted,
)
from provisioner.builder.keys import Key
from provisioner.builder.places import Place
from provisioner.builder.selection import Selected
from provisioner.builder.store import Instance, Store
from provisioner.builder.wanted import Wanted
from provisioner.config import drivers
from provisioner.engine import people
from provisioner.engine.facts import Facts
from provisioner.errors import DeniedError, NoEngineError, ProvisionerError
from provisioner.model import Account, Reader, Unknown, Value
from provisioner.typed import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from provisioner.builder.cluster import Seat


class Seen(NamedTuple):
    """What was observed, by key, and notes for a person."""

    state: dict[Key, Value]
    notes: tuple[str, ...] = ()


def seen(host: Reader, facts: Facts, want: Wanted) -> Seen:
    """Return the observed value of every wanted key.

    To a member of the group docker, another user's folder is unknown, but the containers are not.

    Raises:
        DeniedError: This user may not read what the builder has to be.
    """
    if want.builder.inherit and facts.registries.unseen:
        raise DeniedError(facts.registries.unseen)
    found = [_seen_of(host, facts, want, user) for user in want.builder.users]
    found += [_container(host, facts, want, place) for place in want.places]
    found += [_deployment(host, want, seat) for seat in want.seats]
    state = {key: value for one in found for key, value in one.state.items()}
    if want.gone:
        from provisioner.builder import unwanted

        state |= {key: unwanted.have(host, facts, want.builder, key) for key in want.gone}
    return Seen(state, (*(note for one in found for note in one.notes), *filter(None, (want.note,))))


def _seen_of(host: Reader, facts: Facts, want: Wanted, user: str) -> Seen:
    """Return what a user's store says, by keys with the user. Values that this user may not read are unknown."""
    try:
        found = _user(host, facts, want, user)
    except DeniedError as e:
        return Seen(dict.fromkeys(want.registered(user), Unknown(e.message)))
    return Seen({key._replace(user=want.owner(user)): value for key, value in found.state.items()}, found.notes)


def _container(host: Reader, facts: Facts, want: Wanted, place: Place) -> Seen:
    """Return the state of a node's container."""
    asked = {k._replace(node=""): v for k, v in places.want(place, facts, bool(want.toml)).items()}
    told = (routes.note(host, facts, place), "" if place.way else limits.note(host, want.builder))
    state, notes = dict(asked), list(filter(None, told))
    try:
        found = node_engines.inspected(host, facts, place)
        state = node_engines.have(host, facts, place, found, asked)
        if found and keys.TOML in asked:
            state[keys.TOML] = _inside(host, facts, want, place, found)
    except NoEngineError as e:
        notes.append(f"{e.message}: the container of {place.node.name} is not compared")
    return Seen({k._replace(node=place.key): v for k, v in state.items()}, tuple(notes))


def _deployment(host: Reader, want: Wanted, seat: "Seat") -> Seen:
    """Return the state of a node on a cluster."""
    from provisioner.builder import cluster

    asked = {key._replace(node=""): value for key, value in cluster.want(seat, bool(want.toml)).items()}
    state, note = cluster.state(cluster.Cluster(host, want.builder), seat, asked, want.toml)
    return Seen({key._replace(node=seat.key): value for key, value in state.items()}, (note,) if note else ())


def _user(host: Reader, facts: Facts, want: Wanted, user: str) -> Seen:
    """Return what a user's store says, by keys without the user."""
    account = host.account(user)
    if account is None:
        return Seen({**_plain(want, user, None), keys.REGISTERED: f"there is no user {user}"})
    kept = store.of(host, account)
    if store.hidden(host, kept):
        raise DeniedError(f"{account.home} is hidden from this process", hint="see `users` in docs/builder.md")
    state: dict[Key, Value] = {}
    if user != "root":
        state = {
            keys.REACHES: people.reaches(host, facts.socket, account),
            keys.OWNER: _owner(host, kept, account, want),
        }
    instance, problem, chosen = None, None, Selected(dict.fromkeys(keys.SELECTION))
    try:
        instance = store.instance(host, kept, want.builder.name)
    except ProvisionerError as e:
        problem = _known(host, e)
    try:
        chosen = selection.selected(host, facts, want, kept, instance)
    except ProvisionerError as e:
        problem = problem or _known(host, e)
    state |= chosen.state
    notes = (chosen.note,) if chosen.note else ()
    if instance is None or not instance.nodes:
        return Seen({**_absent(want, user), **state, keys.REGISTERED: problem}, notes)
    state[keys.UNREADABLE] = _unreadable(host, kept, want.builder.name)
    return Seen(state | _instance(host, facts, want, kept, instance), notes)


def _unreadable(host: Reader, kept: Store, name: str) -> str | None:
    """Return the files on which buildx fails. One that its user may not read is somebody else's, and given back."""
    try:
        return " ".join(choices.broken(host, kept, name)) or None
    except DeniedError as e:
        _known(host, e)
        return None


def _known(host: Reader, e: ProvisionerError) -> str:
    """Return what is wrong with a file.

    Raises:
        DeniedError: Only root can read the file.
    """
    if host.uid != 0 and isinstance(e, DeniedError):
        raise e
    return e.message


def _plain(want: Wanted, user: str, value: Value) -> dict[Key, Value]:
    """Return the keys of a user without the user, each with the same value."""
    return {key._replace(user=""): value for key in want.registered(user)}


def _absent(want: Wanted, user: str) -> dict[Key, Value]:
    """Return the wanted values of the keys that are not reported if the builder is not registered."""
    told = (keys.REGISTERED, *keys.SELECTION, keys.REACHES, keys.OWNER)
    asked = {key._replace(user=""): value for key, value in want.registered(user).items()}
    return {key: value for key, value in asked.items() if key not in told}


def _instance(host: Reader, facts: Facts, want: Wanted, kept: Store, instance: Instance) -> dict[Key, Value]:
    """Return what buildx's record says about each node, and what it has that nobody asked for."""
    first, *more = (_unplaced(node, want) for node in instance.nodes)
    if first.endpoint != want.nodes[0].endpoint and first.endpoint in choices.ways(host, kept, facts.endpoint.host):
        first = first._replace(endpoint=want.nodes[0].endpoint)  # the same engine by another name
    state: dict[Key, Value] = {
        keys.REGISTERED: wanted.registered(instance.driver, first),
        **wanted.recorded(first, ""),
    }
    if want.builder.driver == drivers.KUBERNETES:
        state[keys.KUBECONFIG] = _kubeconfig(host, want, kept, instance)
    missing = [n for n in want.nodes if n.name not in {old.name for old in instance.nodes}]
    for node in (*missing, *more):  # a missing node is reported only as missing
        state |= {Key("", node=node.name): node.endpoint or instance.driver, **wanted.recorded(node, node.name)}
    state |= {Key("", node=node.name): None for node in missing}
    files = first.files or {}
    said = buildkitd.said(host, files.get(buildkitd.NAME))
    state |= {Key(keys.SETTING, k): v for k, v in said.items()}
    state |= {Key(keys.CERTIFICATE, n): _certificate(host, files.get(n), path) for n, path in want.certificates.items()}
    state |= _doubts(host, want, files, said)
    asked = buildkitd.leaves(want.toml)
    state[keys.OPTIONS] = " ".join(_unasked(want, first, more)) or None
    state[keys.SETTINGS] = " ".join(k or str(v) for k, v in said.items() if k not in asked) or None
    state[keys.NODES] = " ".join(n.name for n in more if n.name not in want.names) or None
    return state


def _unasked(want: Wanted, first: store.Node, more: list[store.Node]) -> Iterator[str]:
    """Yield the driver options of wanted nodes that nobody asked for."""
    asked = {node.name: node.options for node in want.nodes}
    for node in (n for n in (first, *more) if n.name in asked):
        for option, value in node.options.items():
            if option not in asked[node.name] and (option, value) != (container.RESTART, container.RESTARTS):
                yield option if node is first else f"{node.name} {option}"


def _kubeconfig(host: Reader, want: Wanted, kept: Store, instance: Instance) -> Value:
    """Return the kubeconfig of a builder's nodes. If it is the user's configured one, return it as configured."""
    from urllib.parse import parse_qs, urlsplit  # a tenth of a check; only for clusters

    account, configured = host.account(kept.user), want.builder.kubeconfig
    asked = store.kubeconfig(configured, account.home) if account else ""
    told = [parse_qs(urlsplit(node.endpoint).query).get("kubeconfig", [""])[0] for node in instance.nodes]
    other = next((path for path in told if path != asked), asked)
    return (configured if other == asked else other) or None


def _unplaced(node: store.Node, want: Wanted) -> store.Node:
    """Remove the endpoint that buildx makes up on a cluster, ``kubernetes:///NAME?deployment=NODE``."""
    asked = any(n.name == node.name and n.endpoint for n in want.nodes)
    made_up = want.builder.driver == drivers.KUBERNETES and not asked
    return node._replace(endpoint="") if made_up else node


def _certificate(host: Reader, copy: bytes | None, path: str) -> Value:
    try:
        same = copy is not None and copy == host.head(path, -1)
    except DeniedError:
        return "as on this host"  # this user may not read it
    return "as on this host" if same else None if copy is None else f"not as {path}"


def _doubts(host: Reader, want: Wanted, copies: Collection[str], said: Mapping[str, Value]) -> Mapping[Key, Unknown]:
    """Return what is unknown of certificates to a user who may not read all of them."""
    if host.uid == 0 or not want.certificates:
        return {}
    from provisioner.builder import doubts

    return doubts.found(host, want, copies, said)


def _owner(host: Reader, kept: Store, account: Account, want: Wanted) -> str:
    """Return the owner of buildx's files: the user, or a list of the files that somebody else owns."""
    others = ownership.foreign(host, kept, want, account)
    return f"not {account.name}: {' '.join(others)}" if others else account.name


def _inside(host: Reader, facts: Facts, want: Wanted, place: Place, found: Mapping[str, Any]) -> str:
    """Return whether the container's buildkitd.toml and certificates are the wanted ones, as text."""
    text = node_engines.file(host, facts, place, found, buildkitd.INSIDE)
    asked = buildkitd.leaves(want.toml)
    said = buildkitd.said(host, text)
    wrong = [k for k in {**asked, **said} if asked.get(k) != said.get(k)]
    copies = {n: node_engines.file(host, facts, place, found, f"/etc/buildkit/{n}") for n in want.certificates}
    wrong += [n for n, path in want.certificates.items() if _certificate(host, copies[n], path) != "as on this host"]
    unknown = _doubts(host, want, [n for n, copy in copies.items() if copy is not None], said)
    if wrong and {*wrong} <= {key.name for key in unknown}:
        return next(iter(unknown.values()))
    return f"differs in {' '.join(wrong)}" if wrong else "as configured"
