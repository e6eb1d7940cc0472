"""What is there: each user's buildx file and choice, and the container. Files and the engine's API, no program."""

from collections.abc import Mapping

from provisioner.builder import buildkitd, container, node_engines, store, wanted
from provisioner.builder.node_engines import Place
from provisioner.builder.store import Instance, Store
from provisioner.builder.wanted import Wanted
from provisioner.config import drivers
from provisioner.engine.facts import Facts
from provisioner.errors import DeniedError, NoEngineError, ProvisionerError
from provisioner.model import NOTE, Account, Reader, State, Unknown, Value
from provisioner.typed import Any


def state(host: Reader, facts: Facts, want: Wanted) -> State:
    """Every key that is wanted, as it is. DeniedError: this user may not know what the builder has to be.

    What lies in the folder of another user is unknown to a member of the group docker. The containers are not.
    """
    builder, state = want.builder, dict[str, Value]()
    if builder.inherit and facts.registries.unseen:
        raise DeniedError(facts.registries.unseen)
    notes = []
    for user in builder.users:
        try:
            seen = _user(host, facts, want, user)
        except DeniedError as e:
            seen = dict.fromkeys(want.registered(user), Unknown(e.message))
        if note := seen.pop(NOTE, None):
            notes.append(str(note))
        state |= {wanted.key(builder, user, k): v for k, v in seen.items()}
    for place in want.places:
        seen = _container(host, facts, want, place)
        if note := seen.pop(NOTE, None):
            notes.append(str(note))
        state |= {place.prefix + k: v for k, v in seen.items()}
    return state | {NOTE: "; ".join(notes) or None}


def _container(host: Reader, facts: Facts, want: Wanted, place: Place) -> dict[str, Value]:
    """What there is of a node's container, by the keys without the node's prefix."""
    asked = {k.removeprefix(place.prefix): v for k, v in node_engines.want(place, facts, bool(want.toml)).items()}
    try:
        found = node_engines.inspected(host, facts, place)
    except NoEngineError as e:
        return {**asked, NOTE: f"{e.message}: the container of {place.node.name} is not compared"}
    state = node_engines.have(host, facts, place, found, asked)
    if found and container.TOML in asked:
        state[container.TOML] = _inside(host, facts, want, place, found)
    return state


def reaches(host: Reader, facts: Facts, account: Account) -> bool:
    """Whether a user may connect to the engine's socket, by its owner, group and mode."""
    if account.uid == host.uid:
        return True  # we just have
    there = host.stat(facts.socket)
    if there is None:
        return False
    mine = (there.uid == account.uid and 0o200) or (there.gid in account.groups and 0o020) or 0o002
    return bool(there.mode & mine)


def _user(host: Reader, facts: Facts, want: Wanted, user: str) -> dict[str, Value]:
    """What a user's store says."""
    account = host.account(user)
    if account is None:
        return {**dict.fromkeys(want.registered(user)), wanted.REGISTERED: f"there is no user {user}"}
    kept = store.of(host, account)
    state: dict[str, Value] = {}
    if user != "root":
        state = {wanted.REACHES: reaches(host, facts, account), wanted.OWNER: _owner(host, kept, account, want)}
    instance, problem = None, None
    try:
        instance = store.instance(host, kept, want.builder.name)
        state |= _selection(host, facts, want, kept, instance)
    except ProvisionerError as e:
        if host.uid != 0 and isinstance(e, DeniedError):
            raise  # root would know
        problem = e.message
    if problem and instance is None:
        state |= _unreadable(host, facts, want, kept)
    elif problem:
        state |= dict.fromkeys((wanted.SELECTED, wanted.DEFAULT, wanted.WAYS))
    if instance is None or not instance.nodes:
        return {**_absent(want, user), **state, wanted.REGISTERED: problem}
    return state | _instance(host, facts, want, kept, instance)


def _unreadable(host: Reader, facts: Facts, want: Wanted, kept: Store) -> dict[str, Value]:
    """The selection beside a record that cannot be read."""
    try:
        return _selection(host, facts, want, kept, None)
    except ProvisionerError:
        return dict.fromkeys((wanted.SELECTED, wanted.DEFAULT, wanted.WAYS))


def _absent(want: Wanted, user: str) -> dict[str, Value]:
    """Of a builder that is not registered only that is told."""
    told = (wanted.REGISTERED, wanted.SELECTED, wanted.DEFAULT, wanted.WAYS, wanted.REACHES, wanted.OWNER)
    return {k: v for k, v in want.registered(user).items() if k not in told}


def _instance(host: Reader, facts: Facts, want: Wanted, kept: Store, instance: Instance) -> dict[str, Value]:
    first, *more = (_unplaced(node, want) for node in instance.nodes)
    if first.endpoint != want.nodes[0].endpoint and first.endpoint in store.ways(host, kept, facts.endpoint.host):
        first = first._replace(endpoint=want.nodes[0].endpoint)  # the same engine by another name
    state: dict[str, Value] = {
        wanted.REGISTERED: wanted.registered(instance.driver, first),
        **wanted.recorded(first, ""),
    }
    known = want.names
    missing = [n for n in want.nodes if n.name not in {old.name for old in instance.nodes}]
    for node in (*missing, *more):  # of a node that is missing only that is told
        state |= {f"node {node.name}": node.endpoint or instance.driver, **wanted.recorded(node, f"node {node.name} ")}
    state |= {f"node {node.name}": None for node in missing}
    files = first.files or {}
    said = buildkitd.said(host, files.get(buildkitd.NAME))
    state |= {f"buildkitd {k}": v for k, v in said.items()}
    state |= {f"certificate {n}": _certificate(host, files.get(n), path) for n, path in want.certificates.items()}
    asked = {f"buildkitd {k}" for k in buildkitd.leaves(want.toml)}
    unasked = [
        f"{prefix}{option}"
        for node, prefix in ((n, "" if n is first else f"{n.name} ") for n in (first, *more) if n.name in known)
        for option, value in node.options.items()
        if option not in next(n for n in want.nodes if n.name == node.name).options
        and (option, value) != (container.RESTART, container.RESTARTS)
    ]
    state[wanted.OPTIONS] = " ".join(unasked) or None
    state[wanted.SETTINGS] = " ".join(k or str(v) for k, v in said.items() if f"buildkitd {k}" not in asked) or None
    state[wanted.NODES] = " ".join(n.name for n in more if n.name not in known) or None
    return state


def _unplaced(node: store.Node, want: Wanted) -> store.Node:
    """On a cluster buildx makes up an endpoint, ``kubernetes:///NAME?deployment=NODE``, which nobody asked for."""
    asked = any(n.name == node.name and n.endpoint for n in want.nodes)
    made_up = want.builder.driver == drivers.KUBERNETES and not asked
    return node._replace(endpoint="") if made_up else node


def _selection(host: Reader, facts: Facts, want: Wanted, kept: Store, instance: Instance | None) -> dict[str, Value]:
    """What a new shell of the user's builds with; another choice than ours may be the user's to make."""
    name, endpoint = want.builder.name, facts.endpoint.host
    made, default = store.choice(host, kept), store.default(host, kept, endpoint)
    here = made.everywhere or made.key == endpoint
    if instance and want.builder.select == "once" and here and made.name != name and _chosen(host, kept, made, default):
        other = made.name or "the engine's own builder"
        note = f"{kept.user} builds with {other}, by choice: `select: always` would change that back"
        return {wanted.SELECTED: name, wanted.DEFAULT: name, wanted.WAYS: name, NOTE: note}
    selected = made.name if made.name and here else default
    missing = [w for w in store.ways(host, kept, endpoint) if not _leads(host, kept, made, w, name)]
    ways = f"missing for {', '.join(missing)}" if missing else name
    return {wanted.SELECTED: selected, wanted.DEFAULT: default, wanted.WAYS: ways}


def missing_ways(host: Reader, facts: Facts, kept: Store, name: str) -> tuple[str, ...]:
    """The contexts and addresses of this engine for which the builder is not yet the default."""
    ways = store.ways(host, kept, facts.endpoint.host)
    try:
        made = store.choice(host, kept)
        return tuple(w for w in ways if not _leads(host, kept, made, w, name))
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


def _certificate(host: Reader, copy: bytes | None, path: str) -> Value:
    try:
        same = copy is not None and copy == host.head(path, -1)
    except DeniedError:
        return "as on this host"  # unknown to this user
    return "as on this host" if same else None if copy is None else f"not as {path}"


def _owner(host: Reader, kept: Store, account: Account, want: Wanted) -> str:
    """Whose buildx's files are: the user's, or those which are not."""
    others = [p for p in owned(kept, want) if (s := host.status(p)) is not None and s.uid != account.uid]
    return f"not {account.name}: {' '.join(others)}" if others else account.name


def owned(kept: Store, want: Wanted) -> tuple[str, ...]:
    """What has to be the user's, lest buildx of that user fails."""
    top = kept.docker
    folders = (top, f"{top}/config.json", *(f"{kept.folder}/{f}".rstrip("/") for f in store.FOLDERS))
    return (
        *folders,
        f"{kept.folder}/.lock",
        f"{kept.folder}/.buildNodeID",
        kept.current_file,
        kept.instance_file(want.builder.name),
    )


def _inside(host: Reader, facts: Facts, want: Wanted, place: Place, found: Mapping[str, Any]) -> str:
    """Whether the container's own buildkitd.toml and certificates are those that are wanted."""
    text = node_engines.file(host, facts, place, found, buildkitd.INSIDE)
    asked = buildkitd.leaves(want.toml)
    said = buildkitd.said(host, text)
    wrong = [k for k in {**asked, **said} if asked.get(k) != said.get(k)]
    for name, path in want.certificates.items():
        copy = node_engines.file(host, facts, place, found, f"/etc/buildkit/{name}")
        if _certificate(host, copy, path) != "as on this host":
            wrong.append(name)
    return f"differs in {' '.join(wrong)}" if wrong else "as configured"
