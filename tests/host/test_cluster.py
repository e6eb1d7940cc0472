"""A builder on a real Kubernetes cluster: made, drifted by hand, repaired, cut off, removed."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests import cluster, hosts
from tests.cluster import Cluster, settings
from tests.helpers.booted import agent, differences, steps
from tests.helpers.builders import CONFIG, build, checked, prepare
from tests.host.test_builder_nodes import trust
from tests.hosts import Host, network, parts, recipes

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
# busybox is a program of amd64. On other platforms, it stands for a RUN that takes as long as the test wants.
SLEEPING = "FROM scratch\nCOPY sh /bin/sh\nCOPY sh /bin/sleep\nARG N\nRUN sleep $N\n"
WIRE = "lan2"  # of the control host, to the second node
FAR = "10.99.3.2"  # a host outside the cluster
IMAGE = "docker.io/moby/buildkit:buildx-stable-1"
BUILDKIT = "docker run --detach --restart always --privileged --name builds moby/buildkit:buildx-stable-1"
BUILDCTL = '#!/bin/sh\nexec docker exec --interactive builds buildctl "$@"\n'  # what buildx starts there by ssh
THREE = {"near": "linux/amd64", "far": "linux/386", "pod": "linux/arm64"}
HISTORY = "docker buildx history ls --builder container-builder --format '{{json .}}'"
BUILDKITD = {"registry": {settings.REGISTRY: {"http": True}}}


@pytest.fixture(scope="module")
def far() -> Iterator[Host]:
    """A host with an engine outside the cluster."""
    with hosts.boot("trixie", layers=parts.network()) as made:
        yield made


@pytest.fixture(scope="module")
def ground(far: Host) -> Iterator[Cluster]:
    """A control host, which builds, and two nodes."""
    with cluster.start("one", "two", beside=(far,), one={"pool": "first"}, two={"pool": "second"}) as made:
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
    first = {**OPTIONS, "nodeselector": "pool=first", "timeout": "20s"}  # for a pod that has no machine
    configure(ground, platforms=PLATFORMS[:1], nodes=[second], driver_options=first)
    applied(ground)
    proven = agent(host, "prove", f"--registry={settings.REGISTRY}")
    assert proven.status == 0, proven.stderr
    rows = {row["platform"]: (row["indexed"], row["runs"]) for row in proven.document["platforms"]}
    assert rows == dict.fromkeys(PLATFORMS, (True, True))
    where = {row["platform"]: row["where"] for row in proven.document["platforms"]}
    assert where["linux/arm64"] == "container-builder1 on two"
    assert where["linux/amd64"] == f"{NAME} on one"
    assert [m["platform"] for m in proven.document["registry"]["manifests"]] == PLATFORMS


def begun(ground: Cluster, platforms: Sequence[str], number: int, *where: Host) -> subprocess.Popen[bytes]:
    """Begin a build whose RUN takes this many seconds, and wait until these hosts run it."""
    host = ground.control
    host.put("/s/Dockerfile", SLEEPING)
    host.sh("cp /b/sh /s/sh", check=True)
    argv = ("docker", "buildx", "build", f"--platform={','.join(platforms)}", f"--build-arg=N={number}", "/s")
    building = host.start(*argv, output=subprocess.DEVNULL)
    for other in where:
        other.wait("its RUN", lambda other=other: f"sleep {number}" in other.sh("ps ax").stdout, 60)  # type: ignore[misc]
    return building


def built(ground: Cluster) -> dict[str, bool]:
    """Prove, and return for each platform whether it was built."""
    return {row["platform"]: row["built"] for row in agent(ground.control, "prove").document["platforms"]}


def test_a_machine_of_the_cluster_that_is_cut_off_in_a_build_costs_its_own_platform_alone(ground: Cluster) -> None:
    host, second = ground.control, ground.nodes["two"]
    building = begun(ground, PLATFORMS, 612, *ground.nodes.values())
    second.sh("pkill -KILL buildkitd", check=True)
    assert building.wait(60) != 0
    host.wait("its pods", lambda: all(built(ground).values()), 60)

    building = begun(ground, PLATFORMS, 613, *ground.nodes.values())
    host.sh(f"ip link set {WIRE} down", check=True)
    host.wait("the cluster to miss it", lambda: ground.ready == {"one"}, 120)
    assert building.poll() is None  # nobody tells buildx: it waits for minutes, as the documentation says
    host.sh("pkill docker-buildx", check=True)
    building.wait(30)
    assert checked(host)[0] == 0
    assert built(ground) == {PLATFORMS[0]: True, PLATFORMS[1]: False}
    host.sh(f"ip link set {WIRE} up", check=True)
    host.wait("its nodes", lambda: ground.ready == set(ground.nodes), 120)
    host.wait("its pods", lambda: all(built(ground).values()), 120)

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
    building = begun(ground, PLATFORMS[:1], 600)
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


def test_a_local_an_ssh_and_a_cluster_s_node_are_one_builder_and_each_may_be_cut_off(
    ground: Cluster, far: Host
) -> None:
    host, second = ground.control, ground.nodes["two"]
    prepare(host)
    trust(host, far, FAR)
    host.put("/root/.ssh/config", "Host *\n  ServerAliveInterval 2\n  ServerAliveCountMax 3\n", 0o600)
    for other in (host, far):
        other.sh(BUILDKIT, check=True)
    far.put("/usr/local/bin/buildctl", BUILDCTL, 0o755)
    emulators = f"docker.io/{recipes.BINFMT_IMAGE.name}:{recipes.BINFMT_IMAGE.tags[0]}"
    ground.make("/api/v1/namespaces/default/pods", settings.buildkit("builds", "two", IMAGE, emulators))
    host.sh("ip route add 10.244.2.0/24 via 10.99.2.2", check=True)
    host.wait("its address", lambda: bool(ground.pods() and ground.pods()[0]["status"].get("podIP")), 60)
    address = ground.pods()[0]["status"]["podIP"]
    answers = f"timeout 5 bash -c '</dev/tcp/{address}/1234'"
    host.wait("its buildkitd", lambda: host.sh(answers).status == 0, 60)

    endpoints = {"near": "docker-container://builds", "far": f"ssh://root@{FAR}", "pod": f"tcp://{address}:1234"}
    nodes = [{"name": name, "endpoint": endpoints[name], "platforms": [THREE[name]]} for name in THREE]
    section = {"name": "mixed", "driver": "remote", "nodes": nodes}
    host.put(CONFIG, json.dumps({"platforms": list(THREE.values()), "builder": section}))
    applied(ground)
    assert checked(host)[0] == 0
    proven = agent(host, "prove")
    where = {row["platform"]: row["where"].partition(" ")[0] for row in proven.document["platforms"]}
    assert (proven.status, where) == (0, {platform: name for name, platform in THREE.items()})

    building = begun(ground, list(THREE.values()), 614, host, far, second)
    network.disconnect(far)
    assert building.wait(60) != 0
    assert checked(host)[0] == 0
    assert built(ground) == {"linux/amd64": True, "linux/386": False, "linux/arm64": True}
    network.reconnect(far)
    far.sh("ip route replace 10.99.0.0/16 via 10.99.3.1", check=True)

    building = begun(ground, list(THREE.values()), 615, host, far, second)
    second.sh("pkill -KILL buildkitd", check=True)
    assert building.wait(60) != 0
    host.wait("its buildkitd", lambda: host.sh(answers).status == 0, 60)
    assert agent(host, "prove").status == 0
