"""Images: directory trees whose packages and units determine what will run in them."""

import contextlib
import json
import os
import signal
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from provisioner.cli import commandline
from provisioner.cli.commands import apply as command
from provisioner.config.desired import Desired, Emulators, ImageStore
from provisioner.errors import Exit, NoEngineError, ProvisionerError, RolledBackError, UsageError
from provisioner.host import System
from provisioner.host.image import Image
from provisioner.image import apply as offline
from provisioner.platforms import elf
from provisioner.runs import journal
from provisioner.runs.apply import Outcome
from provisioner.runs.journal import Journal
from provisioner.steps.files import RemoveFile, SetLeaf, WriteFile
from provisioner.steps.programs import Run
from tests.helpers.steps import quiet

UNIT = """[Service]
EnvironmentFile=-/etc/default/docker
ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
"""
Make = Callable[..., System]


@pytest.fixture
def image(tmp_path: Path) -> Make:
    def make(version: str, files: Mapping[str, str | bytes] | None = None) -> System:
        status = f"Package: adduser\nVersion: 3\n\nPackage: docker.io\nStatus: installed\nVersion: {version}\n"
        texts: dict[str, str | bytes] = {
            "/var/lib/dpkg/status": status,
            "/usr/lib/systemd/system/docker.service": UNIT,
            **(files or {}),
        }
        for path, text in {**texts, **(files or {}), "/etc/hostname": "x\n"}.items():
            where = tmp_path / path.lstrip("/")
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_bytes(text if isinstance(text, bytes) else text.encode())
            where.chmod(0o755 if isinstance(text, bytes) else 0o644)
        system = Image(str(tmp_path), {})
        system.uid = 0
        return system

    return make


def apply(image: System, wanted: Desired | None = None) -> Outcome:
    return offline.apply(image, wanted or Desired(), image.root, lambda _: None)


def test_the_key_is_set_in_an_image_and_a_second_run_finds_nothing_to_do(image: Make) -> None:
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


def test_an_image_is_said_to_be_changed_and_no_command_to_take_it_back(image: Make) -> None:
    """`provisioner rollback` here would take back what was done to this host."""
    host = image("28.5.2+dfsg4-1")
    args = commandline.parse(("apply", "--root", host.root, "--only", "image-store"))
    first, second = (command.run(System(), args).text for _ in range(2))
    assert first == f"done: {host.root} is changed"
    assert second == "nothing had to be changed"


def test_an_engine_that_has_the_store_by_itself_needs_no_key_unless_a_graph_driver_was_there(image: Make) -> None:
    host = image("5:29.1.0-1~debian.13~trixie")
    assert apply(host).receipt is None
    assert host.read("/etc/docker/daemon.json") is None
    prior = image("5:29.1.0-1~debian.13~trixie", {"/var/lib/docker/overlay2/l/x": ""})
    assert apply(prior).status == Exit.OK
    assert "containerd-snapshotter" in (prior.read("/etc/docker/daemon.json") or "")


HELD = {
    "a graph driver": ("28.5.2", {"/etc/default/docker": "DOCKER_OPTS=--storage-driver=overlay2\n"}, "storage-driver"),
    "a marker in a late label": (
        "28.5.2",
        {"/etc/docker/daemon.json": '{"bip": "", "debug": true, "dns": [], "labels": ["a=b", "managed-by=puppet"]}'},
        "configuration management",
    ),
    "a marker in a comment": (
        "28.5.2",
        {"/etc/docker/daemon.json": "{\n  # Maintained by Chef\n}"},
        "line 2, column 3",
    ),
    "an engine that is too old": ("20.10.24", {}, "20.10.24 has no containerd image store"),
    "a broken file": ("28.5.2", {"/etc/docker/daemon.json": "{"}, "line 1"),
}


def test_a_file_of_100_mb_is_refused_and_not_read_to_its_end(image: Make) -> None:
    host = image("28.5.2", {"/etc/docker/daemon.json": '{\n  "debug": true,\n  "x": "'})
    path = Path(host.path("/etc/docker/daemon.json"))
    os.truncate(path, 100 << 20)
    done = apply(host)
    assert done.status == Exit.BLOCKED
    assert "more than 4 MiB, read as far as line 3, column" in done.left.blocked[0][1].obstacle.message
    assert path.stat().st_size == 100 << 20


@pytest.mark.parametrize("name", HELD)
def test_what_is_in_the_way_is_held_in_an_image_as_well(image: Make, name: str) -> None:
    version, files, words = HELD[name]
    host = image(version, files)
    done = apply(host)
    assert done.status == Exit.BLOCKED
    assert words in done.left.blocked[0][1].obstacle.message
    assert host.read("/etc/docker/daemon.json") == files.get("/etc/docker/daemon.json")


def test_what_the_configuration_leaves_alone_is_left_alone(image: Make) -> None:
    assert apply(image("28.5.2"), Desired(image_store=ImageStore(backend="unmanaged"))).status == Exit.OK


def test_an_image_without_an_engine_is_told_so(image: Make) -> None:
    host = image("28.5.2", {"/var/lib/dpkg/status": "Package: adduser\nVersion: 3\n"})
    with pytest.raises(NoEngineError, match="no Docker engine in this image"):
        apply(host)


@pytest.mark.parametrize("root", ["/", "//", "/no/such/image", "/proc/version"])
def test_what_is_no_image_is_refused(root: str) -> None:
    with pytest.raises(UsageError, match="--root /"):
        offline.load(root, None)


def test_an_image_may_be_named_from_where_we_are(tmp_path: Path) -> None:
    image, _ = offline.load(os.path.relpath(tmp_path), None)
    assert image.root == str(tmp_path)


PROGRAM = elf.program("amd64")
SYSTEMD = {"/usr/lib/systemd/systemd": PROGRAM, "/usr/lib/systemd/systemd-binfmt": PROGRAM}
WANTED = Desired(platforms=("linux/amd64", "linux/arm64"))
CONF = "/etc/binfmt.d/zz-provisioner-arm64.conf"


def test_an_emulator_that_lies_in_an_image_is_registered_at_its_first_boot(image: Make) -> None:
    host = image("28.5.2", {**SYSTEMD, "/usr/bin/qemu-aarch64": PROGRAM})
    said: list[str] = []
    done = offline.apply(host, WANTED, host.root, said.append)
    assert (done.status, done.receipt) == (Exit.OK, 1)
    assert (host.read(CONF) or "").endswith(":/usr/bin/qemu-aarch64:OCF\n")
    assert [line for line in said if "builder" in line] == [
        "note: the builder needs a running engine; the first apply on the running host brings it"
    ]
    assert apply(host, WANTED).receipt is None


def test_an_emulator_that_an_image_does_not_have_is_left_to_the_running_host(image: Make) -> None:
    host = image("28.5.2", SYSTEMD)
    said: list[str] = []
    done = offline.apply(host, WANTED, host.root, said.append)
    assert done.status == Exit.OK
    assert "note: linux/arm64: there is no static qemu-aarch64 in this image; the first apply" in "\n".join(said)
    assert host.read(CONF) is None


def test_a_directory_that_lacks_a_program_is_held(image: Make) -> None:
    host = image("28.5.2", SYSTEMD)
    done = apply(host, WANTED._replace(emulators=Emulators(source="directory", directory="/opt/qemu")))
    assert done.status == Exit.BLOCKED
    assert done.left.blocked[0][1].obstacle.message == "linux/arm64: there is no static qemu-aarch64 in /opt/qemu"


def test_an_image_without_systemd_binfmt_is_left_to_the_running_host(image: Make) -> None:
    host = image("28.5.2", {"/usr/lib/systemd/systemd": PROGRAM, "/usr/bin/qemu-aarch64": PROGRAM})
    said: list[str] = []
    offline.apply(host, WANTED, host.root, said.append)
    assert any("systemd-binfmt is not installed" in line for line in said)
    assert host.read(CONF) is None


def test_emulators_alone_need_no_engine_in_the_image(image: Make) -> None:
    host = image("28.5.2", {**SYSTEMD, "/usr/bin/qemu-aarch64": PROGRAM, "/var/lib/dpkg/status": ""})
    assert apply(host, WANTED._replace(only=("emulators",))).status == Exit.OK
    assert host.read(CONF) is not None


def test_a_run_that_was_cut_off_in_an_image_is_undone_first(image: Make) -> None:
    host = image("28.5.2", {"/etc/docker/daemon.json": '{"debug": true}'})
    book = Journal(host, 1)
    book.begin("0", Desired(), ())
    step = SetLeaf("/etc/docker/daemon.json", ("debug",), False, '{"debug": true}', '{"debug": false}')
    book.step(step, step.inverse(host))
    step.do(host, quiet)
    assert apply(host).receipt == 2
    assert '"debug": true' in (host.read("/etc/docker/daemon.json") or "")
    assert journal.read(host, 1).outcome == "rolled back"


def test_a_link_means_in_an_image_what_it_will_mean_when_the_image_runs(image: Make, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.json"
    outside.write_text("{}")
    host = image("28.5.2", {"/etc/docker/x": "", "/srv/daemon.json": '{"debug": true}'})
    (tmp_path / "etc/docker/daemon.json").symlink_to("/../../srv/daemon.json")
    apply(host)
    assert '"debug": true' in (tmp_path / "srv/daemon.json").read_text()
    assert "containerd-snapshotter" in (tmp_path / "srv/daemon.json").read_text()
    (tmp_path / "etc/docker/daemon.json").unlink()
    (tmp_path / "etc/docker/daemon.json").symlink_to(outside)
    assert host.read("/etc/docker/daemon.json") is None
    assert outside.read_text() == "{}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_puts_an_image_back(image: Make, number: signal.Signals) -> None:
    host = image("28.5.2", {"/etc/docker/daemon.json": '{"debug": true}'})

    def say(line: str) -> None:
        if ": set features" in line:
            signal.raise_signal(number)

    kept = signal.signal(number, signal.default_int_handler)  # nohup and a shell's & have it ignored
    try:
        with pytest.raises(RolledBackError, match=f"interrupted by {number.name}"):
            offline.apply(host, Desired(), host.root, say)
    finally:
        signal.signal(number, kept)
    assert host.read("/etc/docker/daemon.json") == '{"debug": true}'
    assert journal.read(host, 1).outcome == "rolled back"


def test_no_program_of_an_image_is_run(image: Make, tmp_path: Path) -> None:
    trap = b"#!/bin/sh\ntouch /ran\necho Docker version 28.5.2, build x\n"
    host = image("28.5.2", {f"/usr/{n}": trap for n in ("bin/dockerd", "sbin/dockerd", "bin/systemctl", "sbin/chroot")})
    apply(host, WANTED)
    assert host.ask("dockerd", "--version").status is None
    assert not list(tmp_path.rglob("ran"))


def test_a_receipt_in_an_image_is_obeyed_for_files_alone(image: Make, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    host = image("28.5.2", {"/usr/bin/evil": f"#!/bin/sh\ntouch {mark}\n".encode()})
    book = Journal(host, 1)
    book.begin("0", Desired(), ())
    book.step(WriteFile("/x", ""), (RemoveFile("/etc/hostname"), Run(("evil",)), Run((str(mark.with_name("evil")),))))
    with pytest.raises(ProvisionerError, match="receipt 1 of this image is of a running host"):
        apply(host)
    assert not mark.exists()
    assert host.read("/etc/hostname") == "x\n"
    assert host.read("/etc/docker/daemon.json") is None


OUTSIDE = (
    "/var/lib/provisioner",
    "/var/lib/provisioner/receipts",
    "/run",
    "/etc/docker",
    "/etc/binfmt.d",
    "/etc",
    "/var",
)


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("dots", [False, True])
def test_nothing_outside_an_image_is_touched_whatever_links_it_has(tmp_path: Path, path: str, dots: bool) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "usr/lib/systemd").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("root's own")
    link = root / path.lstrip("/")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(outside, link.parent) if dots else outside)
    host = Image(str(root), {})
    host.uid = 0
    with contextlib.suppress(ProvisionerError, OSError):
        apply(host, WANTED)
    assert [p.name for p in outside.iterdir()] == ["secret"]
    assert not list(root.rglob("lock"))


def test_an_image_whose_name_comes_to_mean_the_host_is_still_the_image(tmp_path: Path) -> None:
    (tmp_path / "image/etc").mkdir(parents=True)
    (tmp_path / "host/etc").mkdir(parents=True)
    host = Image(str(tmp_path / "image"), {})
    (tmp_path / "image").rename(tmp_path / "moved")
    (tmp_path / "image").symlink_to("host")
    host.write("/etc/file", "ours", 0o644)
    assert (tmp_path / "moved/etc/file").read_text() == "ours"
    assert not (tmp_path / "host/etc/file").exists()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "folder", "socket"])
@pytest.mark.parametrize(
    "path", ["/etc/docker/daemon.json", "/var/lib/dpkg/status", "/etc/provisioner/provisioner.yaml"]
)
def test_what_is_no_file_in_an_image_is_not_waited_for(image: Make, tmp_path: Path, path: str, kind: str) -> None:
    host = image("28.5.2", {"/etc/provisioner/x": "", "/etc/docker/x": ""})
    there = tmp_path / path.lstrip("/")
    there.unlink(missing_ok=True)
    if kind == "folder":
        there.mkdir()
    else:
        os.mknod(there, 0o600 | {"pipe": stat.S_IFIFO, "socket": stat.S_IFSOCK}[kind])
    with contextlib.suppress(ProvisionerError, OSError):
        tree, wanted = offline.load(str(tmp_path), None)
        offline.look(tree, wanted, str(tmp_path), lambda _: None)
    with contextlib.suppress(ProvisionerError, OSError):
        apply(host)


REFUSED = {
    "a listener in both places": ("28.5.2", '{"hosts": ["unix:///var/run/docker.sock"]}', "hosts is set in the file"),
    "a number as a word": ("28.5.2", '{"mtu": "1500"}', "mtu must be a whole number"),
    "a key of nobody's": ("28.5.2", '{"swarm": {"x": 1}}', "it does not know the key swarm.x"),
    "a misspelt key": ("28.5.2", '{"registry-mirror": []}', "it does not know the key registry-mirror"),
    "a number among the options of logs": ("28.5.2", '{"log-opts": {"max-file": 3}}', "log-opts must be an object of"),
    "bytes that are no text": ("28.5.2", '{"bridge": "\udcff"}', "not UTF-8"),
    "a flag that says it, too": ("28.5.2", '{"debug": true}', "debug is set in the file and as a flag"),
    "a key that came later": ("20.10.24", '{"proxies": {"no-proxy": "x"}}', "does not know the key proxies"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_edit_that_the_image_s_engine_would_not_start_with_is_not_made(
    image: Make, tmp_path: Path, name: str
) -> None:
    version, text, words = REFUSED[name]
    unit = UNIT.replace("$DOCKER_OPTS", "--debug") if "flag" in name else UNIT
    host = image(version, {"/usr/lib/systemd/system/docker.service": unit, "/etc/docker/x": ""})
    file = tmp_path / "etc/docker/daemon.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    done = apply(host, Desired(daemon={"log-level": "info"}, only=("daemon",)))
    assert done.status == Exit.BLOCKED
    assert words in done.left.blocked[0][1].obstacle.message
    assert file.read_bytes() == text.encode("utf-8", "surrogateescape")


ACCEPTED = (
    "{}",
    "null",
    '{"debug": true, "mtu": 1400, "labels": ["a=b"], "log-opts": {"max-size": "5m"}, "features": {"cdi": true}}',
    '{"proxies": {"http-proxy": "http://p"}, "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 1}}}',
    '{"runtimes": {"x": {"path": "/x"}}, "default-address-pools": [{"base": "10.0.0.0/8", "size": 24}], "tls": null}',
    '{"builder": {"gc": {"enabled": true}}, "insecure-registries": ["r:5000"], "default-shm-size": "64M"}',
)


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_an_engine_takes_is_edited(image: Make, text: str) -> None:
    host = image("28.5.2", {"/etc/docker/daemon.json": text})
    assert apply(host, Desired(daemon={"log-level": "info"}, only=("daemon",))).status == Exit.OK


AGAINST = {
    "switched off": ("29.1.0", '{"features": {"containerd-snapshotter": false}}', "explicitly false"),
    "a graph driver, 29": ("29.1.0", '{"storage-driver": "overlay2"}', "graph driver"),
    "remapped users, 29": ("29.1.0", '{"userns-remap": "default"}', "userns-remap"),
    "not JSON, 29": ("29.1.0", "{not json", "line 1"),
    "a graph driver beside the key": (
        "28.5.2",
        '{"storage-driver": "overlay2", "features": {"containerd-snapshotter": true}}',
        "graph driver",
    ),
    "remapped users beside the key": (
        "28.5.2",
        '{"userns-remap": "default", "features": {"containerd-snapshotter": true}}',
        "userns-remap",
    ),
}


@pytest.mark.parametrize("name", AGAINST)
def test_the_store_in_effect_follows_from_file_and_version(image: Make, name: str) -> None:
    version, text, words = AGAINST[name]
    host = image(version, {"/etc/docker/daemon.json": text})
    done = apply(host)
    assert done.status == Exit.BLOCKED
    assert words in done.left.blocked[0][1].obstacle.message
    assert host.read("/etc/docker/daemon.json") == text


def test_a_graph_driver_s_traces_are_looked_for_where_the_data_lie(image: Make) -> None:
    text = '{"data-root": "/data/docker"}'
    host = image("29.1.0", {"/etc/docker/daemon.json": text, "/data/docker/overlay2/l/x": ""})
    assert apply(host).status == Exit.OK
    assert "containerd-snapshotter" in (host.read("/etc/docker/daemon.json") or "")
    twin = image("29.1.0", {"/etc/docker/daemon.json": '{"storage-driver": "btrfs"}', "/data/x": ""})
    assert apply(twin).receipt is None
