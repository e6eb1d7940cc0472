"""Boot a cluster, and talk to its API server as its administrator."""

import base64
import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests import hosts
from tests.cluster import images, settings
from tests.hosts import Host, network, parts, recipes

CONTROL = "29"  # an engine of CLUSTER_TREE's, and a buildx that has every option of its driver
ASK = f"""
import http.client, json, ssl, sys
method, path, body, kind = json.load(sys.stdin)
context = ssl.create_default_context(cafile="{settings.PKI}/ca.crt")
context.load_cert_chain("{settings.PKI}/admin.crt", "{settings.PKI}/admin.key")
wire = http.client.HTTPSConnection("127.0.0.1", 6443, timeout=30, context=context)
try:
    wire.request(method, path, json.dumps(body) if body is not None else None, {{"Content-Type": kind}})
    answer = wire.getresponse()
    print(json.dumps([answer.status, answer.read().decode()]))
except OSError as e:
    print(json.dumps([0, str(e)]))
"""
PATCH = "application/merge-patch+json"
REGISTRY = f"""\
set -e
cd /etc/docker/registry
sed 's|addr: .*|addr: {settings.REGISTRY}|' config.yml > pushed.yml
systemd-run --quiet --unit=pushed-registry docker-registry serve $PWD/pushed.yml
"""
PODS_OF = "/api/v1/namespaces/{}/pods"


class Cluster:
    """A control host, which also is the one that builds are started on, and nodes by name."""

    def __init__(self, control: Host, nodes: Mapping[str, Host]) -> None:
        self.control = control
        self.nodes = nodes

    def request(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
        """One exchange with the API server: its status (0: it does not answer) and its JSON."""
        question = json.dumps([method, path, body, kind])
        ran = self.control.run("python3", "-I", "-c", ASK, input=question, check=True)
        status, text = json.loads(ran.stdout)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def get(self, path: str) -> Any:
        """What the API server has at a path; None: nothing."""
        status, found = self.request("GET", path)
        return found if status == 200 else None

    def make(self, path: str, body: Any) -> Any:
        """Make an object, and return it."""
        status, found = self.request("POST", path, body)
        assert status in (200, 201), found
        return found

    def patch(self, path: str, body: Any) -> Any:
        """Change fields of an object."""
        status, found = self.request("PATCH", path, body, PATCH)
        assert status == 200, found
        return found

    def delete(self, path: str) -> None:
        """Delete an object, as ``kubectl delete`` does: what belongs to it goes, too."""
        self.request("DELETE", path, {"propagationPolicy": "Background"})

    def pods(self, namespace: str = "default") -> list[Any]:
        """The pods of a namespace that are not on their way out."""
        found = (self.get(PODS_OF.format(namespace)) or {}).get("items", [])
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    @property
    def ready(self) -> set[str]:
        """The nodes that are ready."""
        return _ready(self)

    def story(self) -> str:
        """What a person would look at when something does not come up."""
        events = (self.get("/api/v1/events") or {}).get("items", [])
        lines = [f"{e['involvedObject'].get('name')}: {e.get('reason')}: {e.get('message')}" for e in events[-40:]]
        tails = [f"{name}:\n{host.journal('kubelet', 5)}" for name, host in self.nodes.items()]
        return "\n".join([*lines, *tails])


@contextlib.contextmanager
def start(*nodes: str, beside: Sequence[Host] = (), **labels: Mapping[str, str]) -> Iterator[Cluster]:
    """A cluster of some nodes, all of them ready. ``labels``: a node's own, by its name.

    ``beside`` are hosts outside the cluster. The control host reaches them, too.
    """
    common = (parts.kubernetes(), *parts.cluster(), images.layer())
    above: tuple[str | Path, ...] = (*common, "qemu", *parts.network(recipes.ENGINES[CONTROL].tree))
    with contextlib.ExitStack() as running:
        control = running.enter_context(hosts.boot(CONTROL, layers=above, agent=True, binfmt=True))
        booted = {
            name: running.enter_context(hosts.boot(recipes.CLUSTER_TREE, layers=common, docker=False, binfmt=True))
            for name in nodes
        }
        made = Cluster(control, booted)
        network.star(control, (*booted.values(), *beside))
        _control(control, tuple(nodes))
        for number, (name, host) in enumerate(booted.items(), 1):
            _join(control, host, name, number, labels.get(name, {}))
        control.wait("its nodes", lambda: _ready(made) == set(nodes), 120)
        made.make(f"{settings.POLICIES}ies", settings.HASTE)
        made.make(f"{settings.POLICIES}ybindings", settings.HASTE_BINDING)
        yield made


def _control(host: Host, nodes: tuple[str, ...]) -> None:
    """Start the control plane, and the registry that is pushed to."""
    host.sh(f"ip address add {settings.ADDRESS}/32 dev lo; echo 1 > /proc/sys/net/ipv4/ip_forward", check=True)
    host.sh(settings.CERTIFICATES, *nodes, check=True)
    host.put(settings.MANAGER, _kubeconfig(host, "admin"), 0o600)
    host.put(settings.KUBECONFIG, _kubeconfig(host, "admin"), 0o600)
    for name, argv in settings.UNITS.items():
        _unit(host, name, argv)
        if name == "apiserver":
            host.wait("its API server", lambda: _healthy(host), 120)
    host.sh(REGISTRY, check=True)


def _healthy(host: Host) -> bool:
    return Cluster(host, {}).request("GET", "/readyz")[0] == 200


def _join(control: Host, host: Host, name: str, number: int, labels: Mapping[str, str]) -> None:
    """Make a node of a host: its containerd speaks CRI, and a kubelet takes orders."""
    host.sh(f"ip route add default via 10.99.{number}.1; echo 1 > /proc/sys/net/ipv4/ip_forward", check=True)
    host.put("/etc/containerd/config.toml", settings.CONTAINERD)
    host.put("/usr/local/sbin/runc", settings.RUNC, 0o755)
    host.put("/etc/containerd/certs.d/_default/hosts.toml", settings.MIRROR)
    host.put(f"/etc/containerd/certs.d/{settings.REGISTRY}/hosts.toml", settings.PUSHED)
    host.put("/etc/cni/net.d/10-pods.conflist", settings.cni(number))
    host.put(f"{settings.PKI}/ca.crt", control.get(f"{settings.PKI}/ca.crt") or b"")
    host.put(settings.MANAGER, _kubeconfig(control, name), 0o600)
    host.put(settings.KUBELET_CONFIG, json.dumps(settings.KUBELET))
    host.sh(f"mkdir -p {settings.PERSISTENT}; systemctl restart containerd", check=True)
    chosen = ",".join(f"{key}={value}" for key, value in labels.items())
    argv = (
        "/usr/bin/kube", "kubelet",
        f"--config={settings.KUBELET_CONFIG}", f"--kubeconfig={settings.MANAGER}",
        f"--hostname-override={name}", f"--node-ip=10.99.{number}.2",
        *((f"--node-labels={chosen}",) if chosen else ()),
    )  # fmt: skip
    _unit(host, "kubelet", argv)


def _unit(host: Host, name: str, argv: tuple[str, ...]) -> None:
    host.run("systemd-run", "--quiet", f"--unit={name}", "--property=Restart=on-failure", *argv, check=True)


def _kubeconfig(control: Host, who: str) -> str:
    files = {"ca": "ca.crt", "cert": f"{who}.crt", "key": f"{who}.key"}
    data = {key: control.get(f"{settings.PKI}/{file}") or b"" for key, file in files.items()}
    return settings.kubeconfig({key: base64.b64encode(content).decode() for key, content in data.items()})


def _ready(made: Cluster) -> set[str]:
    found = (made.get("/api/v1/nodes") or {}).get("items", [])
    return {
        node["metadata"]["name"]
        for node in found
        if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", []))
    }
