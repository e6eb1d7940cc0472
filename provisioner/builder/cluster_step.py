"""The step that changes something on a Kubernetes cluster."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner.builder import kubeconfig
from provisioner.errors import CommandError
from provisioner.model import ClusterAccess, Reader
from provisioner.steps import Say, Step

if TYPE_CHECKING:
    from provisioner.host import System

DELETED = 180.0  # seconds that pods have to end in; BuildKit's own grace is 30
KEPT = ("pods", "persistentvolumeclaims")  # what nobody may lose with a namespace
VERBS = {"PATCH": "scale", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class CallCluster(Step):
    """Change something, as the user whose kubeconfig leads there; ``undo``, in its order, takes that back.

    What is deleted is gone when the step ends. To delete what is not there, or make what is, is not an error. A
    namespace in which somebody still has something stays.
    """

    kubeconfig: str
    context: str
    user: str
    method: str
    path: str
    body: Any = None
    undo: tuple[Step, ...] = ()
    kind: str = "application/json"

    def do(self, system: "System", say: Say) -> None:
        access = kubeconfig.access(system, self.kubeconfig, self.user, self.context)
        deleting = self.method == "DELETE"
        if deleting and _used(system, access, self.path):
            return
        status, answer = system.call_cluster(access, self.method, self.path, self.body, self.kind)
        if status >= 400 and (self.method, status) not in (("DELETE", 404), ("POST", 409)):
            said = answer.get("message") if isinstance(answer, dict) else answer
            hint = f"{access.source} must allow {self.user} to do that"
            raise CommandError(f"the cluster refused {self.method} {self.path} ({status}): {said}", hint=hint)
        deadline = system.clock() + DELETED
        while deleting and system.ask_cluster(access, self.path) is not None:
            if system.clock() > deadline:
                hint = "see which pod does not end: kubectl get pods --all-namespaces"
                raise CommandError(f"{self.path} is still there {DELETED:.0f} s after it was deleted", hint=hint)
            system.pause(0.2)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return self.undo

    def sentence(self) -> str:
        if self.method == "POST":
            return f"make {_named(f'{self.path}/' + str(self.body['metadata']['name']))}"
        return f"{VERBS[self.method]} {_named(self.path)}"


def _used(system: "System", access: ClusterAccess, path: str) -> bool:
    """Return whether a path is a namespace in which somebody still has something."""
    *_, plural, _ = path.split("/")
    lists = (system.ask_cluster(access, f"{path}/{kept}") for kept in KEPT) if plural == "namespaces" else ()
    return any((found or {}).get("items") for found in lists)


def _named(path: str) -> str:
    """Return what a person calls the object at a path of the API."""
    _, _, inside = path.removesuffix("/scale").partition("/namespaces/")
    namespace, *found = inside.split("/")
    if not found:
        return f"the namespace {namespace} on the cluster"
    return f"{found[0].removesuffix('s')} {found[-1]} in the namespace {namespace} on the cluster"
