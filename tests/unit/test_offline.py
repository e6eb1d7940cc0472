"""An image that does not run: a directory tree whose packages and units say what will run in it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner import offline
from provisioner.apply import Outcome
from provisioner.desired import Desired, ImageStore
from provisioner.errors import Exit, NoEngineError
from provisioner.system import System

UNIT = "[Service]\nExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS\n"
Image = Callable[..., System]


@pytest.fixture
def image(tmp_path: Path) -> Image:
    def make(version: str, files: dict[str, str] | None = None) -> System:
        status = f"Package: adduser\nVersion: 3\n\nPackage: docker.io\nStatus: installed\nVersion: {version}\n"
        texts = {"/var/lib/dpkg/status": status, "/usr/lib/systemd/system/docker.service": UNIT, **(files or {})}
        for path, text in {**texts, "/etc/hostname": "x\n"}.items():
            where = tmp_path / path.lstrip("/")
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_text(text)
        system = System(str(tmp_path), {})
        system.uid = 0
        return system

    return make


def apply(image: System, wanted: Desired | None = None) -> Outcome:
    return offline.apply(image, wanted or Desired(), image.root, lambda _: None)


def test_the_key_is_set_in_an_image_and_a_second_run_finds_nothing_to_do(image: Image) -> None:
    host = image("28.5.2+dfsg4-1", {"/etc/docker/daemon.json": '{"debug": true}'})
    done = apply(host, Desired(daemon={"log-opts": {"max-size": "10m"}}))
    assert (done.status, done.receipt) == (Exit.OK, 1)
    assert json.loads(host.read("/etc/docker/daemon.json") or "") == {
        "debug": True,
        "log-opts": {"max-size": "10m"},
        "features": {"containerd-snapshotter": True},
    }
    again = apply(host, Desired(daemon={"log-opts": {"max-size": "10m"}}))
    assert (again.status, again.receipt) == (Exit.OK, None)


def test_an_engine_that_has_the_store_by_itself_needs_no_key_unless_a_graph_driver_was_there(image: Image) -> None:
    host = image("5:29.1.0-1~debian.13~trixie")
    assert apply(host).receipt is None
    assert host.read("/etc/docker/daemon.json") is None
    prior = image("5:29.1.0-1~debian.13~trixie", {"/var/lib/docker/overlay2/l/x": ""})
    assert apply(prior).status == Exit.OK
    assert "containerd-snapshotter" in (prior.read("/etc/docker/daemon.json") or "")


HELD = {
    "a graph driver": ("28.5.2", {"/etc/default/docker": "DOCKER_OPTS=--storage-driver=overlay2\n"}, "storage-driver"),
    "an engine that is too old": ("20.10.24", {}, "20.10.24 has no containerd image store"),
    "a broken file": ("28.5.2", {"/etc/docker/daemon.json": "{"}, "line 1"),
}


@pytest.mark.parametrize("name", HELD)
def test_what_is_in_the_way_is_held_in_an_image_as_well(image: Image, name: str) -> None:
    version, files, words = HELD[name]
    host = image(version, files)
    done = apply(host)
    assert done.status == Exit.HELD
    assert words in done.left.held[0][1].reason
    assert host.read("/etc/docker/daemon.json") == files.get("/etc/docker/daemon.json")


def test_what_the_configuration_leaves_alone_is_left_alone(image: Image) -> None:
    assert apply(image("28.5.2"), Desired(image_store=ImageStore(backend="unmanaged"))).status == Exit.OK


def test_an_image_without_an_engine_is_told_so(image: Image) -> None:
    host = image("28.5.2", {"/var/lib/dpkg/status": "Package: adduser\nVersion: 3\n"})
    with pytest.raises(NoEngineError, match="no Docker engine in this image"):
        apply(host)
