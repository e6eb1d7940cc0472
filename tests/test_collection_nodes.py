"""Native nodes in the collection: which hosts build for which, and whose keys a node accepts."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PLACE = Path(__file__).parents[1] / "ansible" / "plugins" / "filter" / "nodes.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nodes", PLACE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


nodes = load()
GROUPS = {"all": ["ci", "old", "a1", "a2", "r1"], "arm": ["a1", "a2"], "riscv": ["r1"]}
NATIVE = {"arm": ["linux/arm64", "linux/arm/v7"], "riscv": ["riscv64"]}
EVERY = ["linux/amd64", "arm64", "linux/riscv64"]


def given(host: str, platforms: list[str] | None = None, machine: str = "x86_64") -> dict[str, list[str]]:
    found = nodes.native_nodes(NATIVE, host, GROUPS, platforms, machine)
    return {row["host"]: row["node"]["platforms"] for row in found}


def test_a_host_gets_the_nodes_that_build_what_it_is_configured_for() -> None:
    assert given("ci", EVERY) == {"a1": ["linux/arm64"], "a2": ["linux/arm64"], "r1": ["linux/riscv64"]}
    assert given("ci") == {"a1": ["linux/arm64"], "a2": ["linux/arm64"]}  # the agent's default
    assert given("ci", ["linux/amd64"]) == {}


def test_a_host_builds_the_platform_of_its_own_cpu_itself() -> None:
    assert given("a1", EVERY, "aarch64") == {"r1": ["linux/riscv64"]}
    assert given("ci", EVERY, "aarch64") == {"r1": ["linux/riscv64"]}


def test_the_nodes_of_many_hosts_begin_with_different_ones() -> None:
    firsts = {next(iter(given(f"host{n}"))) for n in range(20)}
    assert firsts == {"a1", "a2"}
    assert given("host1") == given("host1")


def test_a_group_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="builders_arm"):
        nodes.native_nodes({"builders_arm": []}, "ci", GROUPS)


def test_a_node_is_reached_by_a_name_of_its_own() -> None:
    [found] = nodes.native_nodes({"one": ["linux/arm64"]}, "ci", {"one": ["Arm_1.Example:22"]})
    assert found["name"] == "native-arm_1.example-22"
    assert found["node"] == {
        "name": "native-arm_1.example-22",
        "endpoint": "ssh://native-arm_1.example-22",
        "platforms": ["linux/arm64"],
    }
    assert len(nodes.node_name("x" * 200)) == 62


def key(host: str, text: str = "AAAA") -> str:
    return f"ssh-ed25519 {text} provisioner:{host}:root"


def test_keys_are_replaced_kept_and_revoked() -> None:
    before = nodes.authorized_keys("", {h: [key(h)] for h in ("ci", "old", "gone")}, ["ci", "old", "gone"])
    assert before.count("\n") == 3
    after = nodes.authorized_keys(before, {"ci": [key("ci", "BBBB")]}, ["ci", "old"])
    assert after.splitlines() == [f"{nodes.ALLOWED} {key('ci', 'BBBB')}", f"{nodes.ALLOWED} {key('old')}"]
    assert nodes.authorized_keys(after, {"ci": [], "old": []}, ["ci", "old"]) == ""


def test_a_key_may_only_talk_to_docker_and_what_others_added_is_not_kept() -> None:
    text = nodes.authorized_keys("ssh-ed25519 CCCC me@laptop\n", {"ci": [key("ci")]}, ["ci"])
    assert text == f'restrict,command="docker system dial-stdio" {key("ci")}\n'


def test_writing_the_same_keys_again_changes_nothing() -> None:
    once = nodes.authorized_keys("", {"old": [key("old")], "ci": [key("ci")]}, ["ci", "old"])
    assert nodes.authorized_keys(once, {"ci": [key("ci")]}, ["old", "ci"]) == once


def test_a_host_cannot_send_a_key_in_the_name_of_another_host() -> None:
    sent = ["ssh-ed25519 AAAA provisioner:other:root", "ssh-ed25519 BBBB", 'permitopen="*" ssh-ed25519 CCCC x:y', ""]
    assert nodes.authorized_keys("", {"bad": sent}, ["bad", "other"]).splitlines() == [
        f"{nodes.ALLOWED} ssh-ed25519 AAAA provisioner:bad:root"
    ]
