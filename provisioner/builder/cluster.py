"""The nodes of a builder that run on a Kubernetes cluster, as its API server describes them.

The cluster is asked as the first of the builder's users, with that user's kubeconfig. A plain check never asks it.
"""

import functools
from collections.abc import Mapping
from urllib.parse import quote

from provisioner.builder import buildkitd, kubeconfig, store, workload
from provisioner.builder.keys import Key
from provisioner.builder.workload import Kind
from provisioner.config.desired import Builder
from provisioner.errors import ClusterError
from provisioner.model import ClusterAccess, Reader, Unknown, Value
from provisioner.typed import Any, NamedTuple


class Seat(NamedTuple):
    """One node of a builder on a cluster.

    ``key`` is the node in the keys of its Deployment; it is empty for the first node.
    """

    node: store.Node
    key: str = ""

    @property
    def name(self) -> str:
        """The name of its Deployment."""
        return workload.name(self.node)


def seats(nodes: tuple[store.Node, ...]) -> tuple[Seat, ...]:
    """Return the nodes of a builder on a cluster."""
    return tuple(Seat(node, node.name if number else "") for number, node in enumerate(nodes))


def want(seat: Seat, toml: bool) -> dict[Key, Value]:
    """Return the wanted keys of a node's Deployment."""
    return {key._replace(node=seat.key): value for key, value in workload.want(seat.node, toml).items()}


class Cluster(NamedTuple):
    """A cluster, and the builder whose first user asks it."""

    host: Reader
    builder: Builder

    @property
    def user(self) -> str:
        """The user who asks: the first of the builder's users."""
        return self.builder.users[0]

    @property
    def access(self) -> ClusterAccess:
        """How the user reaches the cluster.

        Raises:
            ClusterError: The kubeconfig does not lead to a cluster.
        """
        return _access(self.host, self.builder.kubeconfig, self.user, self.builder.context)

    def namespace(self, node: store.Node) -> str:
        """Return the namespace of a node: its own option, or that of the kubeconfig's context."""
        return node.options.get("namespace") or self.access.namespace

    def path(self, node: store.Node, plural: str, called: str = "") -> str:
        """Return the API path of a kind of object, or of one object, in the namespace of a node."""
        group = "/apis/apps/v1" if plural in (k.plural for k in workload.KINDS) else "/api/v1"
        return f"{group}/namespaces/{self.namespace(node)}/{plural}{f'/{called}' if called else ''}"

    def get(self, path: str) -> Any:
        """Return the JSON of an object or a list; None if there is none.

        Raises:
            ClusterError: The cluster does not answer.
        """
        return self.host.ask_cluster(self.access, path)

    def found(self, node: store.Node) -> tuple[Kind, Mapping[str, Any]] | None:
        """Return what runs a node, a Deployment or a StatefulSet of its name; None if there is neither."""
        wanted = workload.kind(node)
        for kind in (wanted, *(k for k in workload.KINDS if k is not wanted)):
            there = self.get(self.path(node, kind.plural, workload.name(node)))
            if there is not None:
                return kind, there
        return None

    def pods_path(self, node: store.Node) -> str:
        """Return the API path that lists the pods of a node."""
        return f"{self.path(node, 'pods')}?labelSelector={quote(f'app={workload.name(node)}')}"

    def pods(self, node: store.Node) -> list[Mapping[str, Any]]:
        """Return the pods of a node."""
        return list((self.get(self.pods_path(node)) or {}).get("items") or ())

    def claims(self, node: store.Node) -> tuple[str, ...]:
        """Return the names of the PersistentVolumeClaims that hold a node's cache."""
        found = (self.get(self.path(node, "persistentvolumeclaims")) or {}).get("items") or ()
        names = (str(c["metadata"]["name"]) for c in found)
        return tuple(name for name in names if name.startswith(workload.claim(node)))

    def configuration(self, node: store.Node) -> Mapping[str, Any] | None:
        """Return the ConfigMap with a node's buildkitd.toml; None if there is none."""
        found: Mapping[str, Any] | None = self.get(self.path(node, "configmaps", workload.configuration(node)))
        return found


def state(
    cluster: Cluster, seat: Seat, asked: Mapping[Key, Value], toml: Mapping[str, Any]
) -> tuple[dict[Key, Value], str]:
    """Return the state of a node's Deployment, by the keys of ``asked``, which name no node, and a note, if any.

    If the cluster does not answer, nothing is compared: the key ``deployment`` is unknown, and the note says why.
    """
    if reason := _silent(cluster.host).get(cluster.builder.kubeconfig):
        return {**asked, workload.THERE: Unknown(reason)}, ""
    try:
        found = cluster.found(seat.node)
        if found is None:
            return {**asked, **dict.fromkeys((workload.THERE, workload.PODS))}, ""
        kind, there = found
        made = workload.have(there, kind, asked)
        made[workload.PODS] = workload.pods(cluster.pods(seat.node), int(asked[workload.REPLICAS] or 0))
        if workload.TOML in asked:
            made[workload.TOML] = _toml(cluster, seat, there, toml)
        return made, ""
    except ClusterError as e:
        _silent(cluster.host)[cluster.builder.kubeconfig] = e.message
        return {**asked, workload.THERE: Unknown(e.message)}, f"{e.message}: its Deployments are not compared"


def _toml(cluster: Cluster, seat: Seat, there: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return whether the pods' buildkitd.toml is the wanted one, as text."""
    if not workload.mounted(there):
        return "not mounted"
    text = ((cluster.configuration(seat.node) or {}).get("data") or {}).get(buildkitd.NAME)
    asked = buildkitd.leaves(wanted)
    said = buildkitd.said(cluster.host, None if text is None else str(text).encode())
    wrong = [k for k in {**asked, **said} if asked.get(k) != said.get(k)]
    return f"differs in {' '.join(wrong)}" if wrong else workload.CONFIGURED


@functools.lru_cache
def _silent(_: Reader) -> dict[str, str]:
    """Cache the kubeconfigs that failed, and why. Otherwise a run would wait for each of them again."""
    return {}


@functools.lru_cache
def _access(host: Reader, path: str, user: str, context: str) -> ClusterAccess:
    """Return how to reach the cluster. The cache makes a sign-in plug-in run only once."""
    return kubeconfig.access(host, path, user, context)
