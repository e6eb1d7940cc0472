"""The object that buildx makes for a node on a cluster, compared with what the API server returns."""

from typing import Any

import pytest

from provisioner.builder import keys, workload
from provisioner.builder.store import Node

OPTIONS = {
    "namespace": "builds",
    "replicas": "2",
    "image": "moby/buildkit:v0.34.2",
    "requests.cpu": "0.5",
    "limits.memory": "4Gi",
    "nodeselector": "pool=arm,kubernetes.io/arch=arm64",
    "tolerations": "key=builds,operator=Exists,effect=NoSchedule;key=b,value=c",
    "labels": "team=ours",
    "env.A": "b",
}
NODE = Node("b0", "", ("linux/arm64",), OPTIONS, ("--debug",))


def deployment(**changed: Any) -> dict[str, Any]:
    """Return the Deployment that buildx makes for NODE, as the API server returns it. ``changed``: parts of the pod."""
    box = {
        "name": "buildkitd",
        "image": OPTIONS["image"],
        "args": ["--debug", "--allow-insecure-entitlement=network.host"],
        "securityContext": {"privileged": True},
        "resources": {"requests": {"cpu": "500m"}, "limits": {"memory": "4Gi"}},
        "env": [{"name": "A", "value": "b"}],
    }
    pod = {
        "containers": [{**box, **{k: v for k, v in changed.items() if k in box}}],
        "nodeSelector": {"kubernetes.io/arch": "arm64", "pool": "arm"},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {"key": "builds", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "b", "value": "c"},
        ],
        **{k: v for k, v in changed.items() if k not in box},
    }
    labels, annotations = {"app": "b0", "team": "ours"}, {workload.PLATFORMS: "linux/arm64"}
    return {
        "spec": {"replicas": 2, "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod}}
    }


def wrong(found: dict[str, Any], node: Node = NODE) -> set[str]:
    """Return the keys that differ, without those of the pods."""
    want = workload.want(node, toml=False)
    have = workload.have(found, workload.DEPLOYMENT, want)
    return {keys.words(k) for k, v in want.items() if k != workload.PODS and have.get(k) != v}


def test_what_buildx_makes_is_as_wanted() -> None:
    assert wrong(deployment()) == set()


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"image": "moby/buildkit:master"}, "deployment image"),
        ({"args": []}, "deployment command"),
        ({"securityContext": {}}, "deployment rootless"),
        ({"resources": {"requests": {"cpu": "1"}, "limits": {"memory": "4Gi"}}}, "deployment requests.cpu"),
        ({"env": [{"name": "A", "value": "b"}, {"name": "C"}]}, "deployment environment not asked for"),
        ({"nodeSelector": None}, "deployment node selector"),
        ({"tolerations": []}, "deployment tolerations"),
        ({"serviceAccountName": "other"}, "deployment service account"),
        ({"initContainers": [{"name": "qemu", "image": "any"}]}, "deployment emulators"),
        ({"volumes": [{"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}]}, "deployment storage"),
    ],
)
def test_each_change_of_a_pod_is_named_by_its_key(changed: dict[str, Any], key: str) -> None:
    assert wrong(deployment(**changed)) == {key}


def test_a_persistent_volume_is_a_stateful_set() -> None:
    node = NODE._replace(options={workload.STORAGE: "10Gi"})
    assert workload.kind(node) is workload.STATEFUL_SET
    assert workload.want(node, toml=False)[keys.Key(keys.DEPLOYMENT, "storage")] == 10 << 30


@pytest.mark.parametrize(
    ("one", "other"), [("500m", "0.5"), ("1Gi", "1073741824"), ("2k", "2000"), ("1.5G", "1500M"), ("1", "1000m")]
)
def test_an_amount_may_be_written_in_more_than_one_way(one: str, other: str) -> None:
    assert workload.quantity(one) == workload.quantity(other)


def pod(name: str, ready: bool, **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}, *status.pop("conditions", [])]
    return {"metadata": {"name": name}, "status": {"phase": "Running", "conditions": conditions, **status}}


def test_pods_that_are_not_ready_are_named_with_the_reason() -> None:
    nowhere = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}
    pulling = [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]
    found = [pod("a", True), pod("b", False, conditions=[nowhere]), pod("c", False, containerStatuses=pulling)]
    assert workload.pods(found, 3) == "1 of 3 ready (b: 0/2 nodes are available; c: ImagePullBackOff no such image)"
    assert workload.pods(found[:1], 1) == workload.ready(1)
    assert workload.pods([*found[:1], pod("evicted", False, phase="Failed")], 1) == workload.ready(1)
