"""Plan the smallest change of a builder's nodes on a cluster, as steps.

buildx makes a Deployment, but never changes an existing one. So provisioner itself sets the number of pods. For any
other change it deletes the Deployment, and buildx makes it again. A StatefulSet's claims hold the cache and stay.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from provisioner.builder import keys, store, workload
from provisioner.builder.cluster import Cluster, Seat
from provisioner.builder.cluster_step import AwaitPods, CallCluster
from provisioner.builder.keys import Key
from provisioner.builder.wanted import Wanted
from provisioner.builder.workload import Kind
from provisioner.errors import ClusterError, ProvisionerError
from provisioner.model import Difference, Reader, Unknown
from provisioner.steps import Blocked, Obstacle, Step
from provisioner.typed import Any, NamedTuple

SCALED = frozenset((workload.REPLICAS, workload.PODS))
OURS = {"app.kubernetes.io/managed-by": "provisioner"}
SET_BY_SERVER = ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields", "deletionTimestamp")
FOREGROUND = {"propagationPolicy": "Foreground"}  # the object is gone when its pods are


class Acts(NamedTuple):
    """The changes on a cluster, before and after buildx makes what is missing.

    ``undo`` undoes what buildx makes. ``down`` is set if the cluster does not answer. ``remade`` means that existing
    pods will end.
    """

    steps: tuple[Step, ...] = ()
    boot: bool = False
    undo: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    remade: bool = False
    down: Obstacle | None = None
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()


def acts(host: Reader, want: Wanted, wrong: Mapping[Key, Difference]) -> Acts:
    """Return the changes on the cluster. There are none for a builder that runs elsewhere, or in a plain check."""
    there = Cluster(host, want.builder)
    unknown = {key: d for key, d in wrong.items() if key.part == keys.DEPLOYMENT and isinstance(d.have, Unknown)}
    for found in unknown.values():
        down = silent(str(found.have))
        return Acts(down=down, blocked=down.blocks(*map(keys.words, unknown)))
    mine = {seat.name: frozenset(k._replace(node="") for k in wrong if _belongs(seat, k)) for seat in want.seats}
    try:
        made = [_seat(there, seat, mine[seat.name]) for seat in want.seats if mine[seat.name]]
        gone = tuple(_forgotten(there, want)) if want.seats else ()
        names = tuple(_namespaces(there, want, mine)) if any(a.boot for a in made) else ()
    except ClusterError as e:
        down = silent(e.message)
        return Acts(down=down, blocked=down.blocks(*(keys.words(k) for k in wrong if k.part == keys.DEPLOYMENT)))
    return Acts(
        (*gone, *names, *(s for a in made for s in a.steps)),
        any(a.boot for a in made),
        tuple(s for a in made for s in a.undo),
        tuple(_await(there, seat.node, wanted(seat.node)) for seat in want.seats if mine[seat.name]),
        any(a.remade for a in made),
        notes=tuple(n for a in made for n in a.notes),
    )


def silent(message: str) -> Obstacle:
    """Return the obstacle: the cluster does not answer."""
    return Obstacle("cluster-down", message, "apply again when it answers: kubectl get --raw /readyz")


def _belongs(seat: Seat, key: Key) -> bool:
    return key.part == keys.DEPLOYMENT and key.node == seat.key


def _seat(there: Cluster, seat: Seat, wrong: frozenset[Key]) -> Acts:
    """Make, scale or replace one Deployment."""
    found = there.found(seat.node)
    if found is None:
        return Acts(boot=True, undo=tuple(_fresh(there, seat)))
    kind, old = found
    if wrong <= SCALED:
        return Acts(tuple(_scale(there, seat, kind, old, wrong)), boot=True)
    path = there.path(seat.node, kind.plural, seat.name)
    back = (
        *_delete(there, seat.node),
        *_configuration(there, seat),
        *_claims(there, seat),
        _call(there, "POST", path, bare(old)),
        _await(there, seat.node, replicas(old)),
    )
    notes = () if kind is workload.STATEFUL_SET else (f"the cache of {seat.name} goes with its pods",)
    return Acts((replace(_call(there, "DELETE", path, FOREGROUND), undo=back),), True, remade=True, notes=notes)


def _scale(there: Cluster, seat: Seat, kind: Kind, old: Mapping[str, Any], wrong: frozenset[Key]) -> Iterator[Step]:
    """Set the number of pods. If only pods are missing, the cluster makes them, and buildx waits for them."""
    if workload.REPLICAS in wrong:
        path = there.path(seat.node, kind.plural, seat.name)
        new, before = wanted(seat.node), replicas(old)
        step, back = ({"spec": {"replicas": count}} for count in (new, before))
        undo = (_call(there, "PATCH", path, back), _await(there, seat.node, before))
        yield replace(_call(there, "PATCH", path, step), undo=undo)


def wanted(node: store.Node) -> int:
    """Return how many pods a node should have."""
    return int(node.options.get("replicas", 1))


def replicas(found: Mapping[str, Any]) -> int:
    """Return how many pods a Deployment asks for."""
    return int(found["spec"].get("replicas", 1))


def _await(there: Cluster, node: store.Node, count: int) -> AwaitPods:
    builder = there.builder
    return AwaitPods(builder.kubeconfig, builder.context, there.user, there.pods_path(node), count)


def _fresh(there: Cluster, seat: Seat) -> Iterator[Step]:
    """Delete what buildx makes for a node."""
    yield from _delete(there, seat.node)
    yield from _configuration(there, seat)
    yield from _claims(there, seat)


def _claims(there: Cluster, seat: Seat) -> Iterator[Step]:
    """Delete the claims of a node that do not exist yet."""
    if workload.kind(seat.node) is workload.STATEFUL_SET:
        known = there.claims(seat.node)
        for name in (f"{workload.claim(seat.node)}{number}" for number in range(wanted(seat.node))):
            if name not in known:
                yield _call(there, "DELETE", there.path(seat.node, "persistentvolumeclaims", name))


def _delete(there: Cluster, node: store.Node) -> Iterator[Step]:
    """Delete what buildx has made for a node by then."""
    yield _call(there, "DELETE", there.path(node, workload.kind(node).plural, workload.name(node)), FOREGROUND)


def _configuration(there: Cluster, seat: Seat) -> Iterator[Step]:
    """Restore a node's ConfigMap to what it is now."""
    path = there.path(seat.node, "configmaps", workload.configuration(seat.node))
    old = there.configuration(seat.node)
    yield _call(there, "DELETE", path)
    if old is not None:
        yield _call(there, "POST", path, bare(old))


def _namespaces(there: Cluster, want: Wanted, mine: Mapping[str, frozenset[Key]]) -> Iterator[Step]:
    """Make the namespaces that are missing.

    The undo deletes a namespace again, unless somebody else has something in it by then.
    """
    for name in dict.fromkeys(there.namespace(seat.node) for seat in want.seats if mine[seat.name]):
        path = f"/api/v1/namespaces/{name}"
        if _missing(there, path):
            body = {"metadata": {"name": name, "labels": OURS}}
            yield replace(_call(there, "POST", path, body), undo=(_call(there, "DELETE", path),))


def _missing(there: Cluster, path: str) -> bool:
    """Return whether an object does not exist. If the user may not know, assume that it exists."""
    try:
        return there.get(path) is None
    except ClusterError:
        return False


def _forgotten(there: Cluster, want: Wanted) -> Iterator[Step]:
    """Delete the Deployments of nodes that are no longer wanted, or are wanted in another namespace.

    Their claims stay.
    """
    account = there.host.account(there.user)
    try:
        known = store.instance(there.host, store.of(there.host, account), want.builder.name) if account else None
    except ProvisionerError:
        known = None
    asked = {(node.name, there.namespace(node)) for node in want.nodes}
    for node in known.nodes if known else ():
        if (node.name, there.namespace(node)) not in asked and (found := there.found(node)):
            path = there.path(node, found[0].plural, workload.name(node))
            back = (_call(there, "POST", path, bare(found[1])), _await(there, node, replicas(found[1])))
            yield replace(_call(there, "DELETE", path, FOREGROUND), undo=back)
            if (old := there.configuration(node)) is not None:
                path = there.path(node, "configmaps", workload.configuration(node))
                yield replace(_call(there, "DELETE", path), undo=(_call(there, "POST", path, bare(old)),))


def bare(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without the fields that only the API server sets, so that it can be made again."""
    meta = {k: v for k, v in found["metadata"].items() if k not in SET_BY_SERVER}
    return {k: v for k, v in found.items() if k != "status"} | {"metadata": meta}


def _call(there: Cluster, method: str, path: str, body: Any = None) -> CallCluster:
    builder = there.builder
    return CallCluster(builder.kubeconfig, builder.context, there.user, method, path, body)
