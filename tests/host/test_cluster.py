"""A builder on a real Kubernetes cluster: made, drifted by hand, repaired, cut off, removed."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests import cluster
from tests.cluster import Cluster, settings
from tests.helpers.booted import agent, differences, steps
from tests.helpers.builders import CONFIG, build, checked, prepare

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
HISTORY = "docker buildx history ls --builder container-builder --format '{{json .}}'"
BUILDKITD = {"registry": {settings.REGISTRY: {"http": True}}}


@pytest.fixture(scope="module")
def ground() -> Iterator[Cluster]:
    """A control host, which builds, and two nodes."""
    with cluster.start("one", "two", two={"pool": "second"}) as made:
        made.control.put("/etc/docker/daemon.json", json.dumps({"insecure-registries": [settings.REGISTRY]}))
        made.control.sh("systemctl restart docker", check=True)
        yield made


def configure(ground: Cluster, wanted: Sequence[str] = PLATFORMS, **builder: Any) -> None:
    """Configure a builder on the cluster, with all kinds of options unless ``builder`` has its own."""
    section = {"driver": "kubernetes", "driver_options": OPTIONS, "buildkitd": BUILDKITD, **builder}
    ground.control.put(CONFIG, json.dumps({"platforms": wanted, "builder": section}))


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
    mixed = host.sh("docker buildx create --append --name plain --driver docker-container")
    assert (mixed.status, "has mismatched driver" in mixed.stderr) == (1, True), mixed
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

    ground.patch(DEPLOYMENT, {"spec": {"template": {"metadata": {"annotations": {"note": "theirs"}}}}})
    said = agent(host, "check", "--far")
    assert differences(said) >= {"builder: deployment annotation note"}, said.document
    assert [s.split(" in ")[0] for s in applied(ground) if "in the namespace" in s] == [f"delete deployment {NAME}"]

    for pod in ground.pods(NAMESPACE):
        ground.delete(f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}")
    assert differences(agent(host, "check", "--far")) <= {"builder: deployment pods"}
    applied(ground)

    ground.delete(f"/api/v1/namespaces/{NAMESPACE}")
    host.wait("the namespace's end", lambda: ground.get(f"/api/v1/namespaces/{NAMESPACE}") is None)
    said = agent(host, "check", "--far")
    assert differences(said) == {"builder: deployment", "builder: deployment pods"}, said.document
    assert f"make the namespace {NAMESPACE} on the cluster" in applied(ground)


def test_an_index_of_two_deployments_is_pushed_pulled_and_run_and_who_built_what_is_told(ground: Cluster) -> None:
    host = ground.control
    second = {"platforms": PLATFORMS[1:], "driver_options": {"nodeselector": "pool=second"}}
    configure(ground, platforms=PLATFORMS[:1], nodes=[second])
    applied(ground)
    proven = agent(host, "prove", f"--registry={settings.REGISTRY}")
    assert proven.status == 0, proven.stderr
    rows = {row["platform"]: (row["indexed"], row["runs"]) for row in proven.document["platforms"]}
    assert rows == dict.fromkeys(PLATFORMS, (True, True))
    where = {row["platform"]: row["where"] for row in proven.document["platforms"]}
    assert where["linux/arm64"] == "container-builder1 on two"
    assert where["linux/amd64"].startswith(f"{NAME} on ")
    assert [m["platform"] for m in proven.document["registry"]["manifests"]] == PLATFORMS

    configure(ground)  # the second Deployment goes with its node
    applied(ground)
    assert [pod["metadata"]["labels"]["app"] for pod in ground.pods(NAMESPACE)] == [NAME]


def test_a_cluster_that_is_down_blocks_only_what_needs_it(ground: Cluster) -> None:
    host = ground.control
    host.sh("systemctl stop apiserver", check=True)
    assert checked(host)[0] == 0
    section = {"driver": "kubernetes", "driver_options": OPTIONS, "buildkitd": BUILDKITD}
    host.put(CONFIG, json.dumps({"platforms": PLATFORMS, "daemon": {"debug": True}, "builder": section}))
    done = agent(host, "apply", "--restart=always")
    assert done.status == 5, done.stderr
    assert json.loads(host.get("/etc/docker/daemon.json") or b"")["debug"] is True
    [left] = [blocked for change in done.document["left"] for blocked in change["blocked"]]
    assert (left["key"], "does not answer" in left["message"]) == ("deployment", True)
    unit, *argv = "apiserver", *settings.UNITS["apiserver"]
    host.run("systemd-run", "--quiet", f"--unit={unit}", *argv, check=True)
    host.wait("its API server", lambda: ground.request("GET", "/readyz")[0] == 200)
    host.wait("its nodes", lambda: ground.ready == set(ground.nodes))
    configure(ground)
    applied(ground)


def test_a_build_that_runs_keeps_its_pod(ground: Cluster) -> None:
    host = ground.control
    host.put("/s/Dockerfile", "FROM scratch\nCOPY sh /bin/sh\nCOPY sh /bin/sleep\nRUN sleep 600\n")
    host.sh("cp /b/sh /s/sh", check=True)
    building = host.start("docker", "buildx", "build", "--platform=linux/amd64", "/s", output=subprocess.DEVNULL)
    nodes = ground.nodes.values()
    host.wait("its RUN", lambda: any("sleep 600" in node.sh("ps ax").stdout for node in nodes), 60)
    configure(ground, flags=["--debug"])
    held = agent(host, "apply")
    assert (held.status, "a build runs on the builder" in str(held.document["left"])) == (5, True), held.stderr
    host.sh("pkill docker-buildx", check=True)
    building.wait(30)
    host.wait("the end of the build", lambda: "Running" not in host.sh(HISTORY, check=True).stdout, 60)
    configure(ground)
    applied(ground)


def test_a_cache_on_a_persistent_volume_outlives_its_pods(ground: Cluster) -> None:
    for number, node in enumerate(ground.nodes.values()):
        node.sh(f"mkdir -p {settings.PERSISTENT}/{number}", check=True)
    for number, name in enumerate(ground.nodes):
        ground.make("/api/v1/persistentvolumes", settings.volume(f"v{number}", f"{settings.PERSISTENT}/{number}", name))
    storage = {"namespace": NAMESPACE, "persistent-volume-claim.requests.storage": "1Gi"}
    configure(ground, PLATFORMS[:1], driver_options=storage, buildkitd={})
    applied(ground)
    assert build(ground.control, 0) == (False, [0])
    [claim] = ground.get(f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims")["items"]
    configure(ground, PLATFORMS[:1], driver_options={**storage, "env.MORE": "yes"}, buildkitd={})
    assert any(step.startswith("delete statefulset") for step in applied(ground))
    assert build(ground.control, 1) == (True, [0, 1])
    [same] = ground.get(f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims")["items"]
    assert same["metadata"]["uid"] == claim["metadata"]["uid"]


def test_a_rollback_puts_the_deployment_back(ground: Cluster) -> None:
    host = ground.control
    undone = agent(host, "rollback")
    assert undone.status == 0, undone.stderr
    host.wait("its pod", lambda: len(ground.pods(NAMESPACE)) == 1)
    assert "MORE" not in str(ground.pods(NAMESPACE))


def test_all_of_it_is_left_over_once_no_longer_configured_and_removed(ground: Cluster) -> None:
    configure(ground, name="other")
    left = {thing["name"] for thing in agent(ground.control, "plan").document["left_over"]}
    assert left >= {"container-builder", NAME}
    removed = agent(ground.control, "remove")
    assert removed.status == 0, removed.stderr
    assert ground.get(f"/api/v1/namespaces/{NAMESPACE}") is None
    assert "container-builder" not in ground.control.sh("docker buildx ls").stdout
