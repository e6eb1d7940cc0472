"""A builder's section: what belongs to a driver, nodes that fit together, and what TOML can express."""

from typing import Any

import pytest

from provisioner.config import builder_section


def wrong(section: dict[str, Any]) -> list[str]:
    return [p.sentence for p in builder_section.problems(section)]


@pytest.mark.parametrize(
    ("builder", "twice"),
    [
        ({"nodes": [{"endpoint": "far", "name": "container-builder0"}]}, "container-builder0"),
        ({"name": "b", "nodes": [{"endpoint": "far"}, {"endpoint": "there", "name": "b1"}]}, "b1"),
        ({"name": "b", "driver": "remote", "nodes": [{"endpoint": "a"}, {"endpoint": "c", "name": "b0"}]}, "b0"),
    ],
)
def test_no_two_nodes_have_one_name_given_or_not(builder: dict[str, Any], twice: str) -> None:
    assert wrong(builder) == [f"builder.nodes: the name {twice} appears twice"]


def test_only_a_node_on_a_cluster_needs_no_endpoint() -> None:
    node = {"name": "second", "platforms": ["linux/arm64"]}
    assert wrong({"driver": "kubernetes", "nodes": [node]}) == []
    assert wrong({"nodes": [node]}) == ["builder.nodes[0]: endpoint is missing"]


def test_an_option_belongs_to_its_driver_and_a_slip_is_recognized() -> None:
    (found,) = builder_section.problems({"driver_options": {"netwrok": "host"}})
    assert found.where == "builder.driver_options.netwrok"
    assert found.hint.startswith("did you mean network?")


REFUSED = {
    "registry.docker.io": {"registry": {"docker.io": 5}},
    "worker": {"worker": "oci"},
    "worker.oci": {"worker": {"oci": []}},
    "worker.oci.gcpolicy[0].all": {"worker": {"oci": {"gcpolicy": [{"all": None}]}}},
    "dns.nameservers": {"dns": {"nameservers": ["10.0.0.1", {}]}},
    "a.b[0]": {"a": {"b": [[{"c": 1}]]}},
    "registry.https://a": {"registry": {"https://a": {}}},
    "registry.a.mirrors[0]": {"registry": {"a": {"mirrors": ["https://b"]}}},
    "grpc.x": {"grpc": {"x": float("inf")}},
}


@pytest.mark.parametrize("place", REFUSED)
def test_what_no_buildkitd_toml_can_say_is_refused_with_its_place(place: str) -> None:
    assert any(sentence.startswith(f"builder.buildkitd.{place}: ") for sentence in wrong({"buildkitd": REFUSED[place]}))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("replicas", "two"),
        ("replicas", "0"),
        ("rootless", "yes"),
        ("qemu.install", "1"),
        ("nodeselector", "arm64"),
        ("limits.memory", "8 GB"),
        ("requests.cpu", "-1"),
        ("tolerations", "builds:NoSchedule"),
        ("namespace", "Builds"),
        ("loadbalance", "always"),
        ("timeout", "2 minutes"),
    ],
)
def test_a_value_that_a_cluster_would_refuse_is_named(option: str, value: str) -> None:
    (found,) = builder_section.problems({"driver": "kubernetes", "driver_options": {option: value}})
    assert found.sentence == f"builder.driver_options.{option}: `{value}` is not what {option} takes"
    example = found.hint.removeprefix("for example ").strip('"')
    assert wrong({"driver": "kubernetes", "driver_options": {option: example}}) == []


def test_only_a_builder_on_a_cluster_has_a_kubeconfig() -> None:
    assert wrong({"driver": "kubernetes", "kubeconfig": "~/.kube/builds", "context": "builds"}) == []
    assert wrong({"kubeconfig": "/k", "context": "c"}) == [
        "builder.kubeconfig: only the driver kubernetes has one",
        "builder.context: only the driver kubernetes has one",
    ]
