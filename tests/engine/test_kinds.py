"""Recognize every kind of engine, and never edit a file of an engine that only looks alike."""

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from provisioner.cli import detect, detect_text
from provisioner.config import drivers, parse
from provisioner.config.desired import Desired, ImageStore
from provisioner.engine import endpoints, facts, kinds, ownership, target
from provisioner.engine.endpoints import Endpoint
from provisioner.errors import NoEngineError
from provisioner.host import System, remote
from provisioner.runs import plan
from provisioner.steps import Plan, Step
from provisioner.steps.files import RemoveFile, SetLeaf, WriteFile
from tests.helpers import recorded

LOCAL = "unix:///var/run/docker.sock"
HERE = Path("/proc/sys/kernel/osrelease").read_text().strip()
LINUX = {"ServerVersion": "28.5.2", "Driver": "overlay2", "OSType": "linux", "Architecture": "x86_64"}
DESKTOP_ROOT = {"OperatingSystem": "Docker Desktop", "Name": "docker-desktop"}

# A short answer of each engine to GET /info, its address, and its kind.
SAID: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({}, LOCAL, "engine"),
    (DESKTOP_ROOT, "unix:///Users/x/.docker/run/docker.sock", "desktop"),
    (DESKTOP_ROOT, LOCAL, "desktop"),
    ({"Labels": ["com.docker.desktop.address=unix:///x"]}, "unix:///home/x/.docker/desktop/docker.sock", "desktop"),
    ({**DESKTOP_ROOT, "KernelVersion": "6.6.87.2-microsoft-standard-WSL2"}, LOCAL, "desktop-wsl"),
    (
        {**DESKTOP_ROOT, "KernelVersion": "6.6.87.2-microsoft-standard-WSL2"},
        "npipe:////./pipe/dockerDesktopLinuxEngine",
        "desktop",
    ),
    ({"KernelVersion": "6.6.87.2-microsoft-standard-WSL2"}, LOCAL, "engine"),  # docker-ce in a WSL distribution
    ({"SecurityOptions": ["name=cgroupns", "name=rootless"]}, "unix:///run/user/9/docker.sock", "rootless"),
    ({"DockerRootDir": "/var/snap/docker/common/var-lib-docker"}, LOCAL, "snap"),
    ({"OperatingSystem": "Ubuntu 24.04.5 LTS (containerized)"}, LOCAL, "container"),
    ({"Name": "colima"}, LOCAL, "colima"),
    ({"Name": "colima-work"}, LOCAL, "colima"),
    ({"Name": "renamed"}, "unix:///Users/x/.colima/dev/docker.sock", "colima"),
    ({"Name": "colimator"}, LOCAL, "engine"),
    ({"Name": "lima-default"}, "unix:///Users/x/.lima/default/sock/docker.sock", "lima"),
    ({"Name": "lima-rancher-desktop"}, "unix:///Users/x/.rd/docker.sock", "rancher-desktop"),
    ({"OperatingSystem": "Rancher Desktop WSL Distribution"}, LOCAL, "rancher-desktop"),
    ({"OperatingSystem": "OrbStack", "Name": "orbstack"}, "unix:///Users/x/.orbstack/run/docker.sock", "orbstack"),
    ({"BuildahVersion": "1.38.0"}, "unix:///run/podman/podman.sock", "podman"),
    ({"BuildahVersion": "1.38.0"}, "ssh://there", "podman-remote"),
    (
        {"BuildahVersion": "1.38.0", "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]},
        "unix:///run/user/1000/podman/podman.sock",
        "podman-rootless",
    ),
    ({"OSType": "windows", "Driver": "windowsfilter"}, "npipe:////./pipe/docker_engine", "windows"),
    ({"OSType": "windows", "Driver": "windowsfilter"}, "tcp://w:2375", "windows"),
    ({}, "tcp://10.0.0.1:2376", "remote"),
    ({}, "ssh://there", "remote"),
)  # fmt: skip

# The kind that an address shows before any engine has answered there.
ADDRESSES = {
    "unix:///Users/x/.docker/run/docker.sock": "desktop",
    "unix:///home/x/.docker/desktop/docker.sock": "desktop",
    "npipe:////./pipe/dockerDesktopLinuxEngine": "desktop",
    "unix:///Users/x/.rd/docker.sock": "rancher-desktop",
    "unix:///Users/x/.lima/docker/sock/docker.sock": "lima",
    "unix:///Users/x/.colima/default/docker.sock": "colima",
    "unix:///Users/x/.orbstack/run/docker.sock": "orbstack",
}


@pytest.mark.parametrize(("fields", "host", "kind"), SAID)
def test_an_engine_is_known_by_what_it_says_and_where(fields: dict[str, Any], host: str, kind: str) -> None:
    assert kinds.recognised({**LINUX, **fields}, host).name == kind


def test_every_kind_is_among_the_cases() -> None:
    assert {name for _, _, name in SAID} == {row.name for row in kinds.KINDS}


@pytest.mark.parametrize("host", ADDRESSES)
def test_an_address_tells_whose_engine_it_is(host: str) -> None:
    expected = kinds.expected(host)
    assert (expected or kinds.recognised({}, host)).name == ADDRESSES[host]


def touched(step: Step, host: System) -> bool:
    """Whether a step edits a file that does not belong to us."""
    return isinstance(step, SetLeaf | WriteFile | RemoveFile) and not step.path.startswith((host.runtime, host.state))


def planned(tmp_path: Path, fields: dict[str, Any], socket: str, wanted: Desired) -> tuple[Plan, System]:
    """Return the plan for an engine that answers with these fields."""
    docker = tmp_path / "usr/bin/docker"
    docker.parent.mkdir(parents=True)
    docker.write_text("#!/bin/sh\necho github.com/docker/buildx v0.29.1\n")
    docker.chmod(0o755)
    answers = {
        "/networks/bridge": {},
        f"/distribution/{drivers.IMAGE}/json": {},
        "/info": {**LINUX, "Name": "x", "KernelVersion": "5.0", **fields},
        "/containers/json": [],
        "/images/json": [],
    }
    host = System(str(tmp_path), {"HOME": "/home/x", "DOCKER_HOST": f"unix://{socket}"})
    host.uid = 1000
    with recorded.engine(tmp_path / socket.lstrip("/"), answers):
        seen = facts.gather(host, wanted)
        bound, wanted = target.with_engine(host, wanted, seen)
        return plan.make(bound, seen, wanted), bound


LOOK_ALIKES = [
    (fields, host.removeprefix("unix://"))
    for fields, host, name in SAID
    if kinds.of(name).layout is None and kinds.of(name).builder and host.startswith("unix://")
]


@pytest.mark.parametrize(("fields", "socket"), LOOK_ALIKES)
def test_of_no_look_alike_is_a_file_edited_and_its_builder_is_planned(
    tmp_path: Path, fields: dict[str, Any], socket: str
) -> None:
    wanted = Desired(platforms=("linux/amd64",), daemon={"debug": True})
    made, host = planned(tmp_path, fields, socket, wanted)
    steps = [step for change in made.changes for step in change.steps]
    assert not [step for step in steps if touched(step, host)]
    assert {c.resource for c in made.changes if c.edits} == {"builder"}
    blocked = dict(made.blocked)
    row = kinds.recognised({**LINUX, **fields}, f"unix://{socket}")
    assert blocked["daemon"].obstacle.message == f"{row.title}: its daemon.json is not ours to edit"
    if row.store:
        assert blocked["image store"].obstacle.hint == f"{row.advice}: {row.command}"


@pytest.mark.parametrize(("fields", "socket"), LOOK_ALIKES)
def test_detect_says_whose_a_look_alike_is_and_what_its_owner_can_do(
    tmp_path: Path, fields: dict[str, Any], socket: str
) -> None:
    host = System(str(tmp_path), {"HOME": "/home/x", "DOCKER_HOST": f"unix://{socket}"})
    host.uid = 1000
    with recorded.engine(tmp_path / socket.lstrip("/"), {"/info": {**LINUX, "KernelVersion": "5.0", **fields}}):
        told, _ = detect.detect(host)
    row = kinds.recognised({**LINUX, **fields}, f"unix://{socket}")
    assert told["engine"]["title"] == row.title
    assert told["engines"][0]["note"] == "only its builder is ours to provision"
    assert told["engine"]["instead"] == f"{row.advice}: {row.command}"


def test_detect_tells_of_what_it_cannot_read_and_of_odd_names(tmp_path: Path) -> None:
    kept = tmp_path / "var/lib/provisioner/receipts"
    kept.mkdir(parents=True)
    (kept / "000001.jsonl").write_text('{"event": "begin", "format": 99}\n')
    (kept / "000002.jsonl").write_text("")
    host = System(str(tmp_path), {"HOME": "/root"})
    with recorded.engine(tmp_path / "var/run/docker.sock", {"/info": {**LINUX, "Name": "x"}, "/containers/json": []}):
        told, _ = detect.detect(host)
    empty, newer = told["history"]
    assert newer["problem"] == "/var/lib/provisioner/receipts/000001.jsonl: its format 99 is not known here"
    assert empty["number"] == 2
    assert "odd" in detect_text.render({**told, "builders": ["odd\udcff\033"]}, None)


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("http://10.0.0.1", "is not an address of an engine"),
        ("tcp://there:abc", "tcp://there:abc is not an address of an engine: Port could not be cast"),
        ("tcp://there:99999", "is not an address of an engine: Port out of range"),
        ("tcp://[::1", "is not an address of an engine: Invalid IPv6 URL"),
        (f"tcp://{'a' * 80}", "is not an address of an engine: .*label too long"),
        (f"unix:///{'a' * 200}", r"the engine does not answer \(AF_UNIX path too long\)"),
        ("tcp://127.0.0.1:1", r"tcp://127.0.0.1:1: the engine does not answer \(Connection refused\)"),
    ],
)
def test_an_address_where_nobody_is_is_named(tmp_path: Path, host: str, sentence: str) -> None:
    with pytest.raises(NoEngineError, match=sentence):
        facts.gather(System(str(tmp_path), {"DOCKER_HOST": host}), Desired())


def test_an_engine_on_another_machine_is_listed_and_not_waited_for(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"far").hexdigest()
    meta = tmp_path / f"root/.docker/contexts/meta/{digest}/meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": "far", "Endpoints": {"docker": {"Host": "tcp://127.0.0.1:1"}}}))
    host = System(str(tmp_path), {"HOME": "/root"})
    with recorded.engine(tmp_path / "var/run/docker.sock", {"/info": LINUX}):
        told, _ = detect.detect(host)
    notes = [engine["note"] for engine in told["engines"]]
    assert notes[1:] == ["tcp://127.0.0.1:1 (context far): on another machine, and not asked"]


def test_ssh_is_called_as_docker_calls_it() -> None:
    argv = remote.dial(urlsplit("ssh://me@there:2222/run/other.sock"))
    assert argv[-11:] == (
        *("-l", "me", "-p", "2222", "--", "there"),
        *("docker", "--host", "unix:///run/other.sock", "system", "dial-stdio"),
    )


def here(tmp_path: Path, **fields: Any) -> str:
    """Return the kind that root sees at Docker's default socket, in a tree with this machine's kernel."""
    (tmp_path / "proc/sys/kernel").mkdir(parents=True, exist_ok=True)
    (tmp_path / "proc/sys/kernel/osrelease").write_text(HERE)
    (tmp_path / "var/lib/docker").mkdir(parents=True)
    host = System(str(tmp_path), {})
    host.uid = 0
    answers = {"/info": {**LINUX, "DockerRootDir": "/var/lib/docker", "KernelVersion": HERE, **fields}}
    with recorded.engine(tmp_path / "var/run/docker.sock", answers):
        return ownership.asked(host, endpoints.endpoint(host)).kind


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "engine"),
        ({"KernelVersion": "5.4.0-elsewhere"}, "elsewhere"),  # a forwarded socket, or an unknown virtual machine
        ({"DockerRootDir": "/mnt/not/here"}, "elsewhere"),  # the host's socket of Docker, seen from a container
        ({"OperatingSystem": "Debian 12 (containerized)"}, "elsewhere"),
    ],
)
def test_a_socket_that_leads_out_of_this_host_is_seen_through(
    tmp_path: Path, fields: dict[str, Any], kind: str
) -> None:
    assert here(tmp_path, **fields) == kind


@pytest.mark.parametrize("name", ["lima-web-01", "colima-2", "orbstack-db"])
@pytest.mark.parametrize("mine", [True, False])
def test_a_host_may_be_named_like_a_product(tmp_path: Path, name: str, mine: bool) -> None:
    (tmp_path / "proc/sys/kernel").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/hostname").write_text(f"{name if mine else 'desk'}\n")
    assert here(tmp_path, Name=name) == ("engine" if mine else name.partition("-")[0])


def test_an_engine_in_the_container_that_we_are_in_is_ours(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()
    assert here(tmp_path, OperatingSystem="Debian 12 (containerized)") == "container"


def test_the_store_can_be_left_alone(tmp_path: Path) -> None:
    wanted = Desired(platforms=("linux/amd64",), image_store=ImageStore("unmanaged"))
    made, _ = planned(tmp_path, {"Name": "colima"}, "/run/colima.sock", wanted)
    assert made.blocked == ()


def test_a_configuration_names_the_engine(tmp_path: Path) -> None:
    host = System(str(tmp_path), {"DOCKER_HOST": "unix:///run/mine.sock"})
    pinned = parse.parse("engine: unix:///run/pinned.sock\n", "provisioner.yaml").engine
    assert endpoints.endpoint(host, pinned) == Endpoint("default", "unix:///run/pinned.sock", endpoints.PINNED)
    assert endpoints.endpoint(host).socket == "/run/mine.sock"
