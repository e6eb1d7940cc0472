"""buildx's files and text: what is read, what is rejected, and what counts as the same."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from provisioner.builder import buildkitd, choices, container, keys, node_engines, obstacles, places, store
from provisioner.builder.keys import Key
from provisioner.builder.wanted import Wanted
from provisioner.config import drivers
from provisioner.config.desired import Builder, Node
from provisioner.engine import registries
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.engine.info import engine
from provisioner.engine.registries import Registries
from provisioner.errors import ConfigError, NoEngineError, ProvisionerError
from provisioner.host import System
from provisioner.model import Account
from tests.cases import seen


@pytest.mark.parametrize("name", seen.BUILDX)
def test_a_file_of_a_real_host_is_read_or_refused_in_one_sentence(name: str) -> None:
    text, known = seen.BUILDX[name]
    if known:
        found = store.parse(text, name)
        assert f"{found.driver} {len(found.nodes)}" == known
    else:
        with pytest.raises(ConfigError) as refused:
            store.parse(text, name)
        assert "\n" not in refused.value.message
        assert refused.value.hint


def test_a_record_that_is_nested_without_end_is_refused_in_a_sentence(tmp_path: Path) -> None:
    deep = "[" * 100_000
    with pytest.raises(ConfigError, match="a: this is not a record of a builder"):
        store.parse(deep, "a")
    kept = store.Store("/buildx", "root", "/root/.docker")
    (tmp_path / "buildx").mkdir()
    (tmp_path / "buildx/current").write_text(deep)
    with pytest.raises(ConfigError, match="buildx cannot read this choice"):
        choices.choice(System(str(tmp_path), {}), kept)


@pytest.mark.parametrize("field", [{"DriverOpts": {"image": 5}}, {"Flags": [1]}, {"Flags": "--debug"}])
def test_a_record_with_another_type_is_none_as_for_buildx(field: dict[str, object]) -> None:
    node = {"Name": "a0", "Endpoint": "e", **field}
    with pytest.raises(ConfigError, match="x: this is not a record of a builder"):
        store.parse(json.dumps({"Name": "a", "Driver": "d", "Nodes": [node]}), "x")


def test_a_platform_that_does_not_exist_stays_as_it_is() -> None:
    node = {"Name": "a0", "Endpoint": "e", "Platforms": [{"os": "linux", "architecture": "amr"}]}
    text = json.dumps({"Name": "a", "Driver": "d", "Nodes": [node]})
    assert store.parse(text, "x").nodes[0].platforms == ("linux/amr",)


FLAGS = {
    "nothing": ((), ()),
    "what buildx adds": (("--allow-insecure-entitlement=network.host",), ()),
    "twice, with the host's network": (("--debug", *("--allow-insecure-entitlement=network.host",) * 2), ("--debug",)),
    "another entitlement": (
        ("--allow-insecure-entitlement=security.insecure", "--allow-insecure-entitlement=network.host", "--x"),
        ("--x", "--allow-insecure-entitlement=security.insecure", "--allow-insecure-entitlement=network.host"),
    ),
}


@pytest.mark.parametrize("name", FLAGS)
def test_flags_are_compared_without_what_buildx_adds(name: str) -> None:
    given, compared = FLAGS[name]
    assert container.flags(given) == compared


SIZES = {
    "512m": 512 << 20,
    "1g": 1 << 30,
    "1.5GiB": 3 << 29,
    "7": 7,
    "100b": 100,
    "2kb": 2048,
    "-1": -1,
    "many": "many",
    "1e999": "1e999",
}


@pytest.mark.parametrize("text", SIZES)
def test_sizes_are_bytes_as_docker_reads_them(text: str) -> None:
    assert container.size(text) == SIZES[text]


@pytest.mark.parametrize(("text", "count"), [("512", 512), ("-1", -1), ("--5", "--5"), ("²", "²")])
def test_a_count_that_is_none_stays_as_it_is(text: str, count: object) -> None:
    assert container.number(text) == count


def test_every_limit_is_an_option_that_some_buildx_knows() -> None:
    for limit in container.LIMITS:
        assert drivers.since(drivers.CONTAINER, limit.option)
    assert drivers.since(drivers.CONTAINER, "env.X") == (0, 4)
    assert drivers.since(drivers.CONTAINER, "memroy") is None
    assert drivers.since(drivers.REMOTE, "env.X") is None


def test_one_socket_by_two_names_and_contexts_are_ways_to_it(tmp_path: Path) -> None:
    host = System(str(tmp_path), {})
    kept = store.Store("/root/.docker/buildx", "root", "/root/.docker")
    for number, (name, where) in enumerate((("here", "unix:///run/docker.sock"), ("there", "ssh://arm"))):
        folder = tmp_path / f"root/.docker/contexts/meta/{number}"
        folder.mkdir(parents=True)
        (folder / "meta.json").write_text(f'{{"Name":"{name}","Endpoints":{{"docker":{{"Host":"{where}"}}}}}}')
    (tmp_path / "root/.docker/contexts/meta/2").mkdir()
    assert choices.ways(host, kept, "unix:///var/run/docker.sock") == ("unix:///run/docker.sock", "here")


def test_a_user_s_buildx_is_where_docker_is_told_that_its_configuration_is() -> None:
    host = System("/", {"DOCKER_CONFIG": "/home/dev/.config/docker/"})
    ours, theirs = (Account(name, 1000, 1000, (), f"/home/{name}") for name in (host.user, "dev"))
    host.uid = 1000
    assert store.of(host, ours._replace(name=host.user)).folder == "/home/dev/.config/docker/buildx"
    assert store.of(host, theirs).folder == "/home/dev/.docker/buildx"
    host.uid = 0  # docker does not get root's environment
    assert store.of(host, ours._replace(name=host.user)).folder == f"/home/{ours.name}/.docker/buildx"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_user_s_traps_are_not_walked_into(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == 0 and folder.stat().st_mode & 0o077 == 0:
            folder.chmod(0o711)
    home = tmp_path / "home"
    home.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    (home / "link").symlink_to(secret)
    (home / "device").symlink_to("/dev/zero")
    os.mkfifo(home / "pipe")
    (home / "plain").write_text("plain")
    os.chown(home, 65534, 65534)
    host = System("/", {})
    assert host.read(f"{home}/plain", user="nobody") == "plain"
    for trap in ("link", "device", "pipe"):
        with pytest.raises(ProvisionerError):
            host.read(f"{home}/{trap}", user="nobody")
    assert (os.geteuid(), os.getegid()) == (0, 0)
    os.link(secret, home / "second name")
    with pytest.raises(ProvisionerError, match="more than one name"):
        host.set_owner((f"{home}/second name",), 65534, 65534)
    with pytest.raises(ProvisionerError, match="other users can change"):
        host.set_owner((f"{home}/link",), 65534, 65534)
    assert secret.stat().st_uid == 0


NODES = (store.Node("b0", "unix:///s"), store.Node("b1", "ssh://arm"), store.Node("b2", "far"))


def test_a_check_looks_at_this_host_s_container_alone_and_a_plan_asks_the_others_by_docker() -> None:
    where = Endpoint("default", "unix:///s", "default")
    seen = Facts(where, engine({}, where), "/s", (), "/d", False, (), {}, True)
    assert places.of(NODES, seen, "dev") == (places.Place(NODES[0]),)
    own, *others = places.of(NODES, seen._replace(far=True), "dev")
    assert [p.docker("info") for p in others] == [
        ("docker", "--host", "ssh://arm", "info"),
        ("docker", "--context", "far", "info"),
    ]
    asked = places.want(own, seen, toml=True)
    assert {keys.IMAGE_ID, keys.TOML, Key(keys.CONTAINER, "memory")} <= asked.keys()
    away = places.want(others[0], seen, toml=True)
    assert {key.node for key in away} == {"b1"}
    limits = {limit.key for limit in container.LIMITS if limit.option != "memory-swap"}
    assert {key._replace(node="") for key in away} == asked.keys() | limits


ANSWERS = {
    "Error: No such container: buildx_buildkit_b1": True,
    "Error response from daemon: No such container: buildx_buildkit_b1": True,
    "error during connect: dial tcp: lookup arm: no such host": False,
    "unable to resolve docker endpoint: open /root/.docker/contexts/meta/x/meta.json: no such file or directory": False,
}


def far(tmp_path: Path, script: str) -> tuple[System, Facts]:
    """Return a host on which the script answers for docker when it asks other engines."""
    docker = tmp_path / "usr/bin/docker"
    docker.parent.mkdir(parents=True)
    docker.write_text(f"#!/bin/sh\n{script}\n")
    docker.chmod(0o755)
    where = Endpoint("default", "unix:///s", "default")
    limited = {"MemoryLimit": False, "CPUShares": True, "CgroupDriver": "cgroupfs"}
    return System(str(tmp_path), {}), Facts(
        where, engine(limited, where), "/s", (), "/d", False, (), {}, True, far=True
    )


@pytest.mark.parametrize("said", ANSWERS)
def test_an_engine_that_is_not_there_is_none_without_a_container(said: str, tmp_path: Path) -> None:
    host, seen = far(tmp_path, f"echo '{said}' >&2; exit 1")
    place = places.of(NODES, seen, "root")[1]
    if ANSWERS[said]:
        assert node_engines.inspected(host, seen, place) is None
    else:
        with pytest.raises(NoEngineError, match="ssh://arm does not answer"):
            node_engines.inspected(host, seen, place)
        assert node_engines.volume(host, seen, place, "v")


@pytest.mark.parametrize(  # an engine that does not answer counts as in sync
    ("status", "server", "memory"),
    [(0, {"ServerVersion": "28.5.2"}, 0), (0, {"ServerErrors": ["no"]}, 512 << 20), (1, {}, 512 << 20)],
)
def test_another_engine_s_container_is_compared_by_its_image_and_by_the_limits_that_engine_enforces(
    status: int, server: dict[str, Any], memory: int, tmp_path: Path
) -> None:
    info = json.dumps({**server, "MemoryLimit": True, "CPUShares": False, "CgroupDriver": "systemd"})
    host, seen = far(tmp_path, f"case $3 in info) echo '{info}'; exit {status};; image) echo sha256:newer;; esac")
    node = store.Node("b1", "ssh://arm", options={"memory": "512m", "cpu-shares": "7", "cgroup-parent": "/x"})
    place = places.elsewhere(node, "root")
    asked = {k._replace(node=""): v for k, v in places.want(place, seen, toml=False).items()}
    config = {"Image": "moby/buildkit:buildx-stable-1"}
    found = {"Image": "sha256:older", "Config": config, "HostConfig": {"Memory": 0}, "State": {"Status": "running"}}
    have = node_engines.have(host, seen, place, found, asked)
    limit = Key(keys.CONTAINER, "memory")
    assert (asked[limit], have[limit]) == (512 << 20, memory)
    for limit in (Key(keys.CONTAINER, "cpu-shares"), Key(keys.CONTAINER, "cgroup-parent")):
        assert have[limit] == asked[limit] != 0
    assert have[keys.IMAGE_ID] == "sha256:older, and moby/buildkit:buildx-stable-1 is sha256:newer by now"


def test_a_pinned_image_has_no_digest_that_could_differ_from_its_tag() -> None:
    where = Endpoint("default", "unix:///s", "default")
    seen = Facts(where, engine({}, where), "/s", (), "/d", False, (), {}, True)
    pinned = store.Node("b0", "unix:///s", options={"image": "moby/buildkit@sha256:0"})
    assert keys.IMAGE_ID not in container.want(pinned, seen.engine, toml=False)


def test_a_share_of_a_disk_is_counted_as_buildkit_does() -> None:
    assert buildkitd.share(270_553_174_016, "60%") == 152  # seen with v0.34.2


def test_a_node_that_does_not_answer_is_blocked_with_what_asks_it() -> None:
    builder = Builder(nodes=(Node("ssh://arm"), Node("far")))
    where = Endpoint("default", "unix:///s", "default")
    seen = Facts(where, engine({}, where), "/s", (), "/d", False, (), {}, True, far=True)
    want = Wanted(builder, seen)
    wrong = (Key("", node="container-builder1"), Key(keys.FLAGS, node="container-builder2"))
    found = obstacles.nodes(want, wrong, frozenset(("container-builder1", "container-builder2")))
    assert [blocked.obstacle.hint.split("`")[1] for blocked in found] == [
        "docker --host ssh://arm info",
        "docker --context far info",
    ]


ODD = {
    b"registry = 5": {"registry": 5},
    b"[registry]\n'docker.io' = 5": {'registry."docker.io"': 5},
    b"[registry.r]\nca = '/a/b'\nkeypair = [5]": {"registry.r.ca": "b", "registry.r.keypair": '["5"]'},
}


@pytest.mark.parametrize("text", ODD)
def test_what_somebody_has_made_of_buildkitd_toml_is_compared_whatever_it_says(text: bytes, tmp_path: Path) -> None:
    assert buildkitd.said(System(str(tmp_path), {}), text) == ODD[text]


@pytest.mark.parametrize(
    ("name", "local"),
    [("localhost", True), ("localhost:5000/a", True), ("127.0.0.1:5000", True), ("localhost.example:5000", False)],
)
def test_a_registry_is_on_the_loopback_by_its_whole_name(name: str, local: bool) -> None:
    assert registries.local(name) is local


@pytest.mark.parametrize("key", ["proxies", "registry-mirrors", "insecure-registries"])
@pytest.mark.parametrize("value", [5, "http://a", {"a": [1]}])
def test_a_daemon_json_that_the_daemon_would_refuse_says_nothing_of_registries(key: str, value: object) -> None:
    known = Registries(mirrors=("http://m/",), insecure=("i",))
    found = registries.foreseen(known, "{}", json.dumps({key: value}))
    assert (found.mirrors, found.insecure, found.proxies) == (known.mirrors, known.insecure, {})
