"""Every engine is known for what it is, and of no look-alike is a file edited."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from provisioner import desired, detect, engine, facts, flavours, plan
from provisioner.acts import Plan, RemoveFile, SetLeaf, Step, WriteFile
from provisioner.desired import Desired, ImageStore
from provisioner.engine import Endpoint
from provisioner.errors import NoEngineError
from provisioner.report import answers
from provisioner.system import System, remote
from tests import recorded

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
LOCAL = "unix:///var/run/docker.sock"
HERE = Path("/proc/sys/kernel/osrelease").read_text().strip()
LINUX = {"ServerVersion": "28.5.2", "Driver": "overlay2", "OSType": "linux", "Architecture": "x86_64"}
DESKTOP_ROOT = {"OperatingSystem": "Docker Desktop", "Name": "docker-desktop"}

# What each engine says of itself (short, made from the corpus and the reference), where, and what it is.
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
    ({"KernelVersion": "6.6.87.2-microsoft-standard-WSL2"}, LOCAL, "engine"),  # docker-ce in a distribution
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
    ({"OSType": "windows", "Driver": "windowsfilter"}, "npipe:////./pipe/docker_engine", "windows"),
    ({}, "tcp://10.0.0.1:2376", "remote"),
    ({}, "ssh://there", "remote"),
)  # fmt: skip

# What each file of the corpus is in truth; those that hold no answer of an engine are left out.
TRUE_INFO = {
    **dict.fromkeys(("001", "004", "007", "008", "010", "013", "014", "017", "020", "043", "044", "047"), "engine"),
    **dict.fromkeys(("037", "038", "050", "052"), "engine"),  # 050: in a container, which cgroup v2 hides
    **dict.fromkeys(("019", "025", "049"), "desktop"),
    "023": "colima",
    "026": "container",
    "028": "rancher-desktop",
    "029": "snap",
    "031": "snap",
    "034": "windows",
    "035": "windows",
    "040": "podman",
    "041": "podman",
}
TRUE_CONTEXT = {
    **dict.fromkeys(("001", "002", "004", "007", "008", "013", "014", "016"), "desktop"),
    "005": "rancher-desktop",
    "010": "lima",
    "011": "lima",
    "019": "colima",
    "020": "colima",
}
TRUE_LS = {  # by the endpoint of the context that is marked, or is the only one
    **dict.fromkeys(("001", "014"), "remote"),
    **dict.fromkeys(("005", "007", "017", "019"), "engine"),
    "008": "orbstack",
    "010": "colima",
    "011": "engine",
    "016": "rancher-desktop",
    "020": "rootless",
    "022": "desktop",
}
KEYS = {
    "Server Version": "ServerVersion",
    "Operating System": "OperatingSystem",
    "OSType": "OSType",
    "Name": "Name",
    "Docker Root Dir": "DockerRootDir",
    "Kernel Version": "KernelVersion",
    "Storage Driver": "Driver",
}


@pytest.mark.parametrize(("fields", "host", "flavour"), SAID)
def test_an_engine_is_known_by_what_it_says_and_where(fields: dict[str, Any], host: str, flavour: str) -> None:
    assert flavours.recognised({**LINUX, **fields}, host).name == flavour


def test_every_flavour_is_among_the_cases() -> None:
    assert {name for _, _, name in SAID} == {row.name for row in flavours.FLAVOURS}


def info(text: str) -> dict[str, Any]:
    """What ``docker info`` prints, as JSON or for people, as GET /info would have had it."""
    try:
        found = json.loads(text)
        return found if isinstance(found, dict) else {}
    except ValueError:
        pass
    if re.search(r"(?i)emulate docker cli using podman|buildahVersion", text):
        return {"BuildahVersion": "?"}
    named = re.findall(rf"(?m)(?:^|[ |#>])({'|'.join(KEYS)}):[ \t]*(\S.*?)[ \t]*$", text)
    return {KEYS[key]: value for key, value in named}


def address(text: str) -> str:
    """The endpoint of the context that is marked in ``docker context ls``, or that an inspection shows."""
    shown = re.search(r'"Host": "([^"]+)"', text)
    lines = [line for line in text.splitlines() if "://" in line]
    marked = [line for line in lines if re.match(r"\S+ \*", line)] or lines
    found = re.search(r"\S+://\S+", marked[0])
    return shown.group(1) if shown else found.group() if found else ""


def corpus(folder: str, known: dict[str, str]) -> list[tuple[str, str, str]]:
    """The files of a folder of the corpus that tell of an engine: name, text, and the true flavour."""
    paths = ((CORPUS / folder / f"{name}.txt", true) for name, true in sorted(known.items()))
    return [(f"{folder}/{p.name}", p.read_text(errors="replace"), true) for p, true in paths if p.is_file()]


def table() -> list[tuple[str, str, str]]:
    """Every file of the corpus that tells of an engine: which, what we say, and what is true."""
    rows = []
    for name, text, true in corpus("docker-info", TRUE_INFO):
        found = info(text)
        where = "unix:///x/docker.sock" if "BuildahVersion" in found else LOCAL
        windows = "npipe:////./pipe/dockerDesktopLinuxEngine" if "cli-plugins\\docker" in text else where
        rows.append((name, flavours.recognised(found, windows).name, true))
    for name, text, true in corpus("docker-contexts", TRUE_CONTEXT):
        rows.append((name, flavours.recognised({}, json.loads(text)["Endpoints"]["docker"]["Host"]).name, true))
    for name, text, true in corpus("context-ls", TRUE_LS):
        host = address(text)
        expected = flavours.expected(host)
        rows.append((name, expected.name if expected else flavours.recognised({}, host).name, true))
    return rows


def test_every_engine_of_the_corpus_is_known_for_what_it_is() -> None:
    assert [row for row in table() if row[1] != row[2]] == []


def touched(step: Step, host: System) -> bool:
    """Whether a step edits a file that is not our own."""
    return isinstance(step, SetLeaf | WriteFile | RemoveFile) and not step.path.startswith((host.runtime, host.state))


def planned(tmp_path: Path, fields: dict[str, Any], socket: str, wanted: Desired) -> tuple[Plan, System]:
    """What would be done to an engine that says this of itself."""
    plugin = tmp_path / "usr/libexec/docker/cli-plugins/docker-buildx"
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    answers = {
        "/info": {**LINUX, "Name": "x", "KernelVersion": "5.0", **fields},
        "/containers/json": [],
        "/images/json": [],
    }
    host = System(str(tmp_path), {"HOME": "/home/x", "DOCKER_HOST": f"unix://{socket}"})
    host.uid = 1000
    with recorded.engine(tmp_path / socket.lstrip("/"), answers):
        seen = facts.gather(host, wanted)
        bound, wanted = facts.bound(host, wanted, seen)
        return plan.make(bound, seen, wanted), bound


LOOK_ALIKES = [
    (fields, host.removeprefix("unix://"))
    for fields, host, name in SAID
    if flavours.of(name).site is None and flavours.of(name).builder and host.startswith("unix://")
]


@pytest.mark.parametrize(("fields", "socket"), LOOK_ALIKES)
def test_of_no_look_alike_is_a_file_edited_and_its_builder_is_planned(
    tmp_path: Path, fields: dict[str, Any], socket: str
) -> None:
    wanted = Desired(platforms=("linux/amd64",), daemon={"debug": True})
    made, host = planned(tmp_path, fields, socket, wanted)
    steps = [step for change in made.changes for step in (*change.edits, *change.settle)]
    assert not [step for step in steps if touched(step, host)]
    assert {c.resource for c in made.changes if c.edits} == {"builder"}
    held = dict(made.held)
    row = flavours.recognised({**LINUX, **fields}, f"unix://{socket}")
    assert held["daemon"].reason == f"{row.title}: its daemon.json is not ours to edit"
    if row.store:
        assert held["image store"].hint == f"{row.advice}: {row.command}"


@pytest.mark.parametrize(("fields", "socket"), LOOK_ALIKES)
def test_detect_says_whose_a_look_alike_is_and_what_its_owner_can_do(
    tmp_path: Path, fields: dict[str, Any], socket: str
) -> None:
    host = System(str(tmp_path), {"HOME": "/home/x", "DOCKER_HOST": f"unix://{socket}"})
    host.uid = 1000
    with recorded.engine(tmp_path / socket.lstrip("/"), {"/info": {**LINUX, "KernelVersion": "5.0", **fields}}):
        told = detect.detect(host)
    row = flavours.recognised({**LINUX, **fields}, f"unix://{socket}")
    assert told["engine"] == row.title
    assert told["engines"][0].endswith("only its builder is ours to provision")
    assert told["instead"] == f"{row.advice}: {row.command}"


def test_detect_tells_of_what_it_cannot_read_and_of_odd_names(tmp_path: Path) -> None:
    kept = tmp_path / "var/lib/provisioner/receipts"
    kept.mkdir(parents=True)
    (kept / "000001.jsonl").write_text('{"event": "begin", "format": 99}\n')
    (kept / "000002.jsonl").write_text("")
    host = System(str(tmp_path), {"HOME": "/root"})
    with recorded.engine(tmp_path / "var/run/docker.sock", {"/info": {**LINUX, "Name": "x"}, "/containers/json": []}):
        told = detect.detect(host)
    newer, empty = told["receipts"]
    assert newer == "1: /var/lib/provisioner/receipts/000001.jsonl: its format 99 is not known here"
    assert empty.startswith("2 of ")
    said = answers.detected({**told, "builders": ["odd\udcff\033"]})
    assert "odd\ufffd\ufffd" in said
    assert said.encode()


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("http://10.0.0.1", "is no address of an engine"),
        ("tcp://there:abc", "tcp://there:abc is no address of an engine: Port could not be cast"),
        ("tcp://there:99999", "is no address of an engine: Port out of range"),
        ("tcp://[::1", "is no address of an engine: Invalid IPv6 URL"),
        (f"tcp://{'a' * 80}", "is no address of an engine: .*label too long"),
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
        told = detect.detect(host)["engines"]
    assert told[1:] == ["tcp://127.0.0.1:1 (context far): on another machine, and not asked"]


def test_ssh_is_called_as_docker_calls_it() -> None:
    argv = remote.dial(urlsplit("ssh://me@there:2222/run/other.sock"))
    assert argv[-11:] == (
        *("-l", "me", "-p", "2222", "--", "there"),
        *("docker", "--host", "unix:///run/other.sock", "system", "dial-stdio"),
    )


def here(tmp_path: Path, **fields: Any) -> str:
    """The flavour of an engine at docker's own socket of a tree that has this machine's kernel, to root."""
    (tmp_path / "proc/sys/kernel").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/osrelease").write_text(HERE)
    (tmp_path / "var/lib/docker").mkdir(parents=True)
    host = System(str(tmp_path), {})
    host.uid = 0
    answers = {"/info": {**LINUX, "DockerRootDir": "/var/lib/docker", "KernelVersion": HERE, **fields}}
    with recorded.engine(tmp_path / "var/run/docker.sock", answers):
        return facts.asked(host, engine.endpoint(host)).flavour


@pytest.mark.parametrize(
    ("fields", "flavour"),
    [
        ({}, "engine"),
        ({"KernelVersion": "5.4.0-elsewhere"}, "elsewhere"),  # a forwarded socket, or an unknown virtual machine
        ({"DockerRootDir": "/mnt/not/here"}, "elsewhere"),  # docker's socket of the host, seen from a container
        ({"OperatingSystem": "Debian 12 (containerized)"}, "elsewhere"),
    ],
)
def test_a_socket_that_leads_out_of_this_host_is_seen_through(
    tmp_path: Path, fields: dict[str, Any], flavour: str
) -> None:
    assert here(tmp_path, **fields) == flavour


def test_an_engine_in_the_container_that_we_are_in_is_ours(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()
    assert here(tmp_path, OperatingSystem="Debian 12 (containerized)") == "container"


def test_the_store_can_be_left_alone(tmp_path: Path) -> None:
    wanted = Desired(platforms=("linux/amd64",), image_store=ImageStore("unmanaged"))
    made, _ = planned(tmp_path, {"Name": "colima"}, "/run/colima.sock", wanted)
    assert made.held == ()


def test_a_configuration_names_the_engine(tmp_path: Path) -> None:
    host = System(str(tmp_path), {"DOCKER_HOST": "unix:///run/mine.sock"})
    pinned = desired.parse("engine: unix:///run/pinned.sock\n", "provisioner.yaml").engine
    assert engine.endpoint(host, pinned) == Endpoint("default", "unix:///run/pinned.sock", engine.PINNED)
    assert engine.endpoint(host).socket == "/run/mine.sock"
