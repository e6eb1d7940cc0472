"""Keys of daemon.json: which ones are wanted, when a reload is enough, and what a change would hide."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.config.desired import Builder, Desired, ImageStore, Restarts
from provisioner.daemon import ask_again, inventory, losses, observed, patience, reloads, wanted
from provisioner.engine.facts import Facts
from provisioner.engine.info import engine as answered
from provisioner.errors import PutOffError
from provisioner.host import System
from provisioner.image import candidate
from provisioner.image.engine import HERE, bare
from provisioner.steps.files import SetLeaf
from tests.helpers.recorded import engine

SOCKET = "/var/run/docker.sock"
INFO = {"ServerVersion": "28.5.2", "Driver": "overlay2", "OSType": "linux", "DockerRootDir": "/var/lib/docker"}


def facts(host: System, info: dict[str, Any] | None = None, **fields: Any) -> Facts:
    said = answered({**INFO, **(info or {})}, HERE)
    return bare(host)._replace(engine=said, daemon_json="/etc/docker/daemon.json", **fields)


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ({"log-opts": {"max-size": "10m"}}, {"log-opts.max-size"}),
        ({"log-opts": {}}, {"log-opts"}),
        ({"debug": True}, {"debug", "debug in effect", "log-opts"}),
        ({}, {"log-opts"}),
    ],
)
def test_a_leaf_on_the_path_of_one_that_is_asked_for_is_not_given_back(asked: dict[str, Any], keys: set[str]) -> None:
    found = facts(System(), {"Debug": False}, owned=((("log-opts",), {"max-size": "5m"}),))
    assert set(wanted.want(Desired(daemon=asked), found)) == keys


@pytest.mark.parametrize(
    ("before", "key", "value", "after", "enough"),
    [
        (None, "debug", True, '{"debug": true}', True),
        ('{"debug": true}', "debug", None, "{}", False),  # dockerd keeps the value of a key that was removed
        ('{"registry-mirrors": ["https://m"]}', "registry-mirrors", None, "{}", False),
        ('{"registry-mirrors": ["https://m"]}', "registry-mirrors", [], '{"registry-mirrors": []}', True),
        ('{"max-concurrent-uploads": 3}', "max-concurrent-uploads", None, "{}", True),
        (None, "bip", "10.0.0.1/24", '{"bip": "10.0.0.1/24"}', False),
    ],
)
def test_a_reload_is_enough_only_for_keys_that_are_there_afterwards(
    tmp_path: Path, before: str | None, key: str, value: Any, after: str, enough: bool
) -> None:
    host = System(str(tmp_path), {})
    step = SetLeaf("/etc/docker/daemon.json", (key,), value, before, after)
    assert reloads.enough(host, facts(host), {key}, (step,)) is enough


@pytest.mark.parametrize(
    ("running", "following", "gone"),
    [
        (("-H", "fd://", "--shutdown-timeout=7"), ("/usr/sbin/dockerd", "-H", "fd://"), {"--shutdown-timeout=7"}),
        (("-H", "fd://"), ("/usr/sbin/dockerd", "-H", "fd://", "--debug"), set()),
        (("--log-opt=tag={{.Name}} {{.ID}}",), ("dockerd", "--log-opt=tag={{.Name}}", "{{.ID}}"), set()),
    ],
)
def test_a_flag_that_only_the_running_daemon_has_is_seen(
    running: tuple[str, ...], following: tuple[str, ...], gone: set[str]
) -> None:
    assert reloads.gone(running, following) == gone


@pytest.mark.parametrize(
    ("asked", "shown", "same"),
    [
        ("/var/lib/docker/", "/var/lib/docker", True),
        ("/var/lib/docker", "/mnt/docker", True),  # a link
        ("/var/lib/docker", "/mnt/docker/100000.100000", True),  # with remapped users
        ("/srv/docker", "/mnt/docker", False),
        ("/srv/28.5", "/srv/28.5", True),
        ("/hidden/docker/", "/hidden/docker", True),  # a sandbox may hide it
    ],
)
def test_a_data_root_is_compared_as_a_place(tmp_path: Path, asked: str, shown: str, same: bool) -> None:
    (tmp_path / "mnt/docker/100000.100000").mkdir(parents=True)
    (tmp_path / "srv/docker").mkdir(parents=True)
    (tmp_path / "var/lib").mkdir(parents=True)
    (tmp_path / "var/lib/docker").symlink_to("../../mnt/docker")
    host = System(str(tmp_path), {})
    found = facts(host, {"DockerRootDir": shown})
    want = wanted.want(Desired(daemon={"data-root": asked}), found)
    key = "data-root in effect"
    assert (observed.have(host, found, want)[key] == want[key]) is same


def test_a_data_root_that_moves_counts_what_it_hides(tmp_path: Path) -> None:
    host = System(str(tmp_path), {})
    containers = [{"Id": "2" * 64, "Names": ["/web"], "ImageID": "sha256:2", "State": "exited"}]
    answers = {"/containers/json": containers, "/images/json": [{"Id": "sha256:2", "Size": 7}]}
    with engine(tmp_path / "var/run/docker.sock", answers):
        why = inventory.refusal(System(str(tmp_path), {}), facts(host, socket=SOCKET), Desired(), "changing data-root")
    assert why is not None
    assert why.message.startswith("changing data-root would hide 1 image (7 B) and 1 container")
    assert {"data-root", "userns-remap", "storage-driver", "containerd-namespace"} <= losses.HIDING.keys()
    known = {key for keys in candidate.KEYS.values() for key in keys.split()}
    told = (set(losses.LOSSES), set(losses.HIDING), losses.NOTHING)
    assert set().union(*told) == known
    assert sum(map(len, told)) == len(known)  # each key is in one of them
    assert list(losses.notes({"debug", "bip"})) == ["bip: containers on the default bridge get other addresses"]


CACHES = [
    {"Name": "buildx_buildkit_container-builder0_state", "Labels": None},
    {"Name": "buildx_buildkit_old0_state", "Labels": {"io.provisioner.builder": "old"}},
]


@pytest.mark.parametrize("existing", ["refuse", "hide"])
def test_volumes_without_a_container_are_counted_where_the_data_root_moves(tmp_path: Path, existing: str) -> None:
    host = System(str(tmp_path), {})
    answers = {"/containers/json": [], "/images/json": [], "/volumes": {"Volumes": [*CACHES, {"Name": "database"}]}}
    desired = Desired(image_store=ImageStore(existing=existing))
    with engine(tmp_path / "var/run/docker.sock", answers):
        seen = facts(host, socket=SOCKET)
        assert inventory.refusal(host, seen, desired, "the switch") is None
        assert not inventory.note(host, seen, desired, "the switch")
        why = inventory.refusal(host, seen, desired, "changing data-root", volumes=True)
        told = inventory.note(host, seen, desired, "changing data-root", volumes=True)
    words = why.message if why else told
    assert words.startswith("changing data-root")
    assert "1 volume in all" in words
    assert bool(why) is (existing == "refuse")
    assert bool(told) is (existing == "hide")


def test_each_key_that_hides_something_says_what() -> None:
    assert set(losses.HIDING) >= losses.HIDING_VOLUMES
    [said] = losses.notes({"data-root"})
    assert "volumes" in said
    assert "the engine's ID" in said


PROOF = {"Id": "sha256:9", "Size": 240, "RepoTags": ["<none>:<none>"], "Labels": {"io.provisioner.proof": "1"}}
KIT = {"Id": "sha256:8", "Size": 96, "RepoTags": ["moby/buildkit:buildx-stable-1"]}


@pytest.mark.parametrize(
    ("images", "names", "hidden"),
    [
        ([PROOF, KIT], ["/buildx_buildkit_ci0"], (0, 0)),
        ([PROOF, KIT], [], (0, 0)),  # images pulled by an apply that may not restart
        ([KIT], ["/buildx_buildkit_ci-prod0"], (1, 1)),  # another user's builder
        ([KIT], ["/buildx_buildkit_ci"], (1, 1)),
    ],
)
def test_what_is_ours_is_not_hidden_by_a_switch(
    tmp_path: Path, images: list[dict[str, Any]], names: list[str], hidden: tuple[int, int]
) -> None:
    host = System(str(tmp_path), {})
    containers = [{"Id": n * 9, "Names": [n], "ImageID": KIT["Id"], "State": "running"} for n in names]
    with engine(tmp_path / "var/run/docker.sock", {"/containers/json": containers, "/images/json": images}):
        found = inventory.count(host, facts(host, socket=SOCKET), Desired(builder=Builder("ci")))
    assert (len(found.images), len(found.containers)) == hidden


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1min 30s", 90.0), ("infinity", 0.0), ("", 0.0), ("500ms", 0.5), ("1h", 3600.0), ("1w 2d", 777600.0)],
)
def test_a_time_span_is_read_as_systemd_prints_it(text: str, seconds: float) -> None:
    assert patience.span(text) == seconds


@pytest.mark.parametrize("policy", ["never", "if-idle"])
def test_what_forbids_a_restart_is_asked_again_right_before_it(tmp_path: Path, policy: str) -> None:
    host = System(str(tmp_path), {})
    running = [{"Id": "2" * 64, "Names": ["/web"], "ImageID": "sha256:2", "State": "running"}]
    step = ask_again.AskAgain.of(facts(host), Desired(restart=Restarts(policy)), hides=False)
    answers = {"/info": INFO, "/containers/json": running, "/images/json": []}
    with engine(tmp_path / "var/run/docker.sock", answers), pytest.raises(PutOffError, match="while this was prepared"):
        step.do(host, print)


@pytest.mark.parametrize("existing", ["refuse", "migrate"])
def test_a_container_that_came_up_since_the_plan_puts_the_restart_off(tmp_path: Path, existing: str) -> None:
    host = System(str(tmp_path), {})
    running = [{"Id": "2" * 64, "Names": ["/web"], "ImageID": "sha256:2", "State": "running"}]
    desired = Desired(image_store=ImageStore(existing=existing), restart=Restarts("always"))
    step = ask_again.AskAgain.of(facts(host), desired, hides=True)
    assert json.loads(step.wanted)["daemon"] == {}
    answers = {"/info": INFO, "/containers/json": running, "/images/json": []}
    with engine(tmp_path / "var/run/docker.sock", answers):
        with pytest.raises(PutOffError, match="web running"):
            step.do(host, print)
        ask_again.AskAgain.of(facts(host), desired, hides=False).do(host, print)
