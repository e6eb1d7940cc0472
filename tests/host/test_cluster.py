"""A builder on a real Kubernetes cluster: made, drifted by hand, repaired, cut off, removed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests import cluster
from tests.cluster import Cluster, settings
from tests.helpers.booted import agent, differences, steps
from tests.helpers.builders import CONFIG, checked, prepare

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]
PLATFORMS = ["linux/amd64", "linux/arm64"]
NAMESPACE = "builds"
NAME = "container-builder0"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAME}"
OPTIONS = {
    "namespace": NAMESPACE,
    "qemu.install": "true",
    "requests.cpu": "0.1",
    "limits.memory": "4Gi",
    "nodeselector": "kubernetes.io/os=linux",
    "tolerations": "key=builds,operator=Exists,effect=NoSchedule",
    "serviceaccount": "default",
    "labels": "team=ours",
    "annotations": "note=ours",
    "env.SOME": "thing",
}
BUILDKITD = {"registry": {settings.REGISTRY: {"http": True}}}


@pytest.fixture(scope="module")
def ground() -> Iterator[Cluster]:
    """A control host, which builds, and two nodes."""
    with cluster.start("one", "two", two={"pool": "second"}) as made:
        made.control.put("/etc/docker/daemon.json", json.dumps({"insecure-registries": [settings.REGISTRY]}))
        made.control.sh("systemctl restart docker", check=True)
        yield made


def configure(ground: Cluster, **builder: Any) -> None:
    """Configure a builder on the cluster, with all kinds of options unless ``builder`` has its own."""
    section = {"driver": "kubernetes", "driver_options": OPTIONS, "buildkitd": BUILDKITD, **builder}
    ground.control.put(CONFIG, json.dumps({"platforms": PLATFORMS, "builder": section}))


def applied(ground: Cluster) -> list[str]:
    """Apply, see that it has converged and that nothing is left, and return what was done."""
    done = agent(ground.control, "apply")
    assert done.status == 0, f"{done.stderr}\n{done.document}\n{ground.story()}"
    again = agent(ground.control, "plan")
    assert again.status == 0, again.document
    return steps(done)


def test_buildx_by_itself_builds_in_a_pod(ground: Cluster) -> None:
    host = ground.control
    prepare(host)
    host.sh("docker buildx create --name plain --driver kubernetes", check=True)
    built = host.sh("docker buildx build --builder plain --progress=plain /b", timeout=180)
    assert built.status == 0, built.stderr + ground.story()
    [pod] = ground.pods()
    assert pod["spec"]["nodeName"] in ground.nodes
    host.sh("docker buildx rm plain", check=True)
    host.wait("its pod's end", lambda: not ground.pods())


def test_from_nothing_to_two_platforms_and_each_drift_is_named_and_repaired(ground: Cluster) -> None:
    host = ground.control
    configure(ground)
    planned = agent(host, "plan")
    assert f"make the namespace {NAMESPACE} on the cluster" in steps(planned)
    applied(ground)
    [pod] = ground.pods(NAMESPACE)
    assert pod["metadata"]["labels"]["team"] == "ours"
    assert checked(host)[0] == 0

    ground.patch(f"{DEPLOYMENT}/scale", {"spec": {"replicas": 2}})
    assert checked(host)[0] == 0  # which does not ask the cluster
    assert differences(agent(host, "check", "--far")) >= {"builder: deployment replicas"}
    assert next(s for s in applied(ground) if "cluster" in s).startswith("scale deployment")
    assert ground.get(DEPLOYMENT)["spec"]["replicas"] == 1

    ground.patch(DEPLOYMENT, {"spec": {"template": {"metadata": {"labels": {"team": "theirs"}}}}})
    said = agent(host, "check", "--far")
    assert differences(said) >= {"builder: deployment label team"}, said.document
    assert [s.split(" in ")[0] for s in applied(ground) if "cluster" in s] == [f"delete deployment {NAME}"]

    for pod in ground.pods(NAMESPACE):
        ground.delete(f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}")
    assert differences(agent(host, "check", "--far")) <= {"builder: deployment pods"}
    applied(ground)

    ground.delete(f"/api/v1/namespaces/{NAMESPACE}")
    host.wait("the namespace's end", lambda: ground.get(f"/api/v1/namespaces/{NAMESPACE}") is None, 60)
    said = agent(host, "check", "--far")
    assert differences(said) == {"builder: deployment", "builder: deployment pods"}, said.document
    assert f"make the namespace {NAMESPACE} on the cluster" in applied(ground)
