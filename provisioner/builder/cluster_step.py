"""The steps that change something on a Kubernetes cluster and wait for its pods."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner.builder import kubeconfig, workload
from provisioner.errors import CommandError, ProvisionerError
from provisioner.model import ClusterAccess, Reader
from provisioner.steps import Say, Step

if TYPE_CHECKING:
    from provisioner.host import System

READY, STEADY = 120.0, 2  # seconds for pods to become ready, and how often in a row they must be ready
DELETED = 180.0  # seconds for pods to end; BuildKit's own grace period is 30
KEPT = ("pods", "persistentvolumeclaims")  # a namespace that contains one of these is not deleted
VERBS = {"POST": "make", "PATCH": "scale", "DELETE": "delete"}
JSON, KINDS = "application/json", {"PATCH": "application/merge-patch+json"}
PLACES: Mapping[str, Callable[[str], str]] = {  # where the API takes each method for an object at a path
    "POST": lambda path: path.rpartition("/")[0],
    "PATCH": lambda path: f"{path}/scale",
    "DELETE": lambda path: path,
}


@dataclass(frozen=True, slots=True)
class CallCluster(Step):
    """Make, scale or delete the object at ``path``, as the user of the kubeconfig. ``undo`` undoes it.

    A deleted object is gone when the step ends. Deleting an object that does not exist is not an error, and neither is
    making one that exists. A namespace that somebody still uses is not deleted.
    """

    kubeconfig: str
    context: str
    user: str
    method: str
    path: str
    body: Any = None
    undo: tuple[Step, ...] = ()

    def do(self, system: "System", say: Say) -> None:
        access = kubeconfig.access(system, self.kubeconfig, self.user, self.context)
        deleting = self.method == "DELETE"
        if deleting and _used(system, access, self.path):
            return
        place = PLACES[self.method](self.path)
        status, answer = system.call_cluster(access, self.method, place, self.body, KINDS.get(self.method, JSON))
        if status >= 400 and (self.method, status) not in (("DELETE", 404), ("POST", 409)):
            said = answer.get("message") if isinstance(answer, dict) else answer
            hint = f"{access.source} must allow {self.user} to do that"
            raise CommandError(f"the cluster refused {self.method} {place} ({status}): {said}", hint=hint)
        deadline = system.clock() + DELETED
        while deleting and system.ask_cluster(access, self.path) is not None:
            if system.clock() > deadline:
                hint = "see which pod does not end: kubectl get pods --all-namespaces"
                raise CommandError(f"{self.path} is still there {DELETED:.0f} s after it was deleted", hint=hint)
            system.pause(0.2)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return self.undo

    def stands(self, host: Reader) -> bool | None:
        with suppress(ProvisionerError):
            access = kubeconfig.access(host, self.kubeconfig, self.user, self.context)
            if self.method == "DELETE" and host.ask_cluster(access, self.path) is None:
                return True
        return None  # buildx makes again what was deleted

    def sentence(self) -> str:
        return f"{VERBS[self.method]} {_named(self.path)}"


@dataclass(frozen=True, slots=True)
class AwaitPods(Step):
    """Wait until a node's pods are ready. buildx also waits, but stops the first time that they are ready.

    A cluster that has just restarted may treat pods as lost until its machines have reported. If pods do not become
    ready, a later check reports it with the reason.
    """

    kubeconfig: str
    context: str
    user: str
    path: str
    replicas: int

    def do(self, system: "System", say: Say) -> None:
        access = kubeconfig.access(system, self.kubeconfig, self.user, self.context)
        deadline, looks = system.clock() + READY, 0
        while looks < STEADY and system.clock() < deadline:
            system.pause(0.5 if looks else 0.0)
            found = (system.ask_cluster(access, self.path) or {}).get("items") or ()
            looks = looks + 1 if workload.pods(found, self.replicas) == workload.ready(self.replicas) else 0
            system.pause(0.0 if looks else 0.5)

    def stands(self, host: Reader) -> bool | None:
        return True  # there is nothing to put back

    def sentence(self) -> str:
        return f"wait for the pods on the cluster: {workload.ready(self.replicas)}"


def _used(system: "System", access: ClusterAccess, path: str) -> bool:
    """Return whether a path is a namespace that somebody still uses."""
    *_, plural, _ = path.split("/")
    lists = (system.ask_cluster(access, f"{path}/{kept}") for kept in KEPT) if plural == "namespaces" else ()
    return any((found or {}).get("items") for found in lists)


def _named(path: str) -> str:
    """Return a readable name of the object at an API path."""
    _, _, inside = path.partition("/namespaces/")
    namespace, *found = inside.split("/")
    if not found:
        return f"the namespace {namespace} on the cluster"
    return f"{found[0].removesuffix('s')} {found[-1]} in the namespace {namespace} on the cluster"
