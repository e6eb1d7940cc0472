"""The sources of an emulator, and the reasons why a program cannot be one."""

import json
import os
from pathlib import Path

import pytest

from provisioner.config.desired import Desired, Emulators
from provisioner.emulators import changes, copied, fitness, keys, sources
from provisioner.emulators.keys import Key
from provisioner.emulators.wanted import wanted
from provisioner.engine import endpoints, info
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.model import Difference
from provisioner.platforms import binfmt, elf, machine, table
from provisioner.platforms.kernel_table import Register
from tests.helpers.recorded import engine

ROW = table.of("linux/riscv64")
VERSIONS = "/usr/local/lib/provisioner/qemu"
NINE, TEN = "tonistiigi/binfmt:qemu-v9.2.0", "tonistiigi/binfmt:qemu-v10.0.4"
OURS = f"{VERSIONS}/qemu-v9.2.0/qemu-riscv64"
INSTALLED = "/usr/bin/qemu-riscv64-static"


@pytest.fixture
def host(tmp_path: Path) -> System:
    """Return a host with a /proc and no registered emulator."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/osrelease").write_text("6.12.1\n")
    (tmp_path / "proc/filesystems").write_text("nodev\tbinfmt_misc\n")
    (tmp_path / "run/openrc").mkdir(parents=True)
    (tmp_path / "etc/runlevels/boot").mkdir(parents=True)
    (tmp_path / "etc/runlevels/boot/binfmt").touch()
    return System(str(tmp_path), {}, machine="x86_64")


def put(host: System, path: str, data: bytes = elf.program("amd64"), mode: int = 0o755) -> None:
    file = Path(host.path(path))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    file.chmod(mode)


def seen(entry: str = "", rule: str = "", socket: str = "") -> Facts:
    """Return a host whose emulator for riscv64 is registered with ``entry``, and by our own file with ``rule``."""
    where = endpoints.Endpoint("default", "unix:///var/run/docker.sock", "default")
    entries = {"qemu-riscv64": binfmt.Entry(True, entry, "POCF", 0, ROW.magic, ROW.mask)} if entry else {}
    ours = {"riscv64": rule} if rule else {}
    native = table.native("x86_64")
    return Facts(where, info.NONE, socket, (), "", False, native, entries, mounted=True, ours=ours)


def differing(desired: Desired, facts: Facts, *aspects: str) -> tuple[Difference, ...]:
    asked = wanted(desired, facts).fields
    chosen = (Key(ROW.name, aspect) for aspect in aspects)
    return tuple(Difference(keys.words(key), None, asked[key]) for key in chosen)


def test_another_version_of_the_image_is_no_reason_to_take_the_distribution_s_qemu(host: System) -> None:
    put(host, OURS)
    put(host, INSTALLED)
    facts = seen(OURS, OURS, "/run/docker.sock")
    desired = Desired(platforms=(ROW.name,), emulators=Emulators(image=TEN))
    with engine(Path(host.path("/run/docker.sock")), {f"/distribution/{TEN}/json": b"{}"}):
        made = changes.change(host, facts, desired, differing(desired, facts, keys.FROM))
    assert f"copy qemu-riscv64 out of {TEN}" in " ".join(step.sentence() for step in made.edits)
    offline = changes.change(host, facts._replace(socket=""), desired, differing(desired, facts, keys.FROM))
    assert not offline.edits
    assert offline.blocked[0].obstacle.code == "no-program"


def test_a_flushed_entry_of_an_older_image_is_not_put_back_when_another_one_is_wanted(host: System) -> None:
    put(host, OURS)
    rule = binfmt.registration_line(ROW, OURS, "POCF")
    put(host, "/etc/binfmt.d/zz-provisioner-riscv64.conf", rule.encode())
    facts = seen(rule=OURS, socket="/run/docker.sock")
    for image, registered in ((NINE, True), (TEN, False)):
        desired = Desired(platforms=(ROW.name,), emulators=Emulators(image=image))
        assert wanted(desired, facts)[f"{ROW.name} from"] == f"image {image.rpartition(':')[2]}"
        aspects = (keys.RUNS,) if registered else (keys.RUNS, keys.FROM)
        with engine(Path(host.path("/run/docker.sock")), {f"/distribution/{TEN}/json": b"{}"}):
            made = changes.change(host, facts, desired, differing(desired, facts, *aspects))
        assert [isinstance(step, Register) for step in made.edits] == [True] if registered else len(made.edits) > 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("where", ["a file", "its folder", "a folder above", "the folder of a link"])
def test_no_program_that_somebody_else_can_change_becomes_an_interpreter(host: System, where: str) -> None:
    path = "/home/ci/qemu/qemu-riscv64"
    put(host, path)
    assert fitness.unfit(host, path) is None
    if where == "the folder of a link":
        Path(host.path("/srv/ci")).mkdir(parents=True)
        Path(host.path("/srv/ci/qemu")).symlink_to("/home/ci/qemu")
        os.chown(host.path("/srv/ci"), 1000, 1000)
        path = "/srv/ci/qemu/qemu-riscv64"
        Path(host.path("/srv/ci/qemu")).unlink()
        Path(host.path("/srv/ci/qemu")).symlink_to("../../home/ci/qemu")
    else:
        given = {"a file": path, "its folder": "/home/ci/qemu", "a folder above": "/home/ci"}[where]
        os.chown(host.path(given), 1000, 1000)
    assert "can be changed by others than root" in str(fitness.unfit(host, path))


@pytest.mark.parametrize(
    ("kernel", "said", "kept"),
    [
        ("6.12.1", "qemu-riscv64 version 10.0.13 (Debian 1:10.0.13)", True),
        ("5.10.0", "qemu-riscv64 version 10.0.13", False),
        ("6.12.1", "qemu-riscv64 version 5.1.0", False),
        ("6.12.1", "usage: nobody knows", False),
    ],
)
def test_argv_0_is_kept_where_the_kernel_and_qemu_do_it(host: System, kernel: str, said: str, kept: bool) -> None:
    put(host, "/proc/sys/kernel/osrelease", f"{kernel}\n".encode())
    put(host, "/bin/says", f"#!/bin/sh\necho '{said}'\n".encode())
    assert fitness.takes_argv0(host, info.version(fitness.qemu(host, "/bin/says"))) is kept


def test_each_copied_program_keeps_the_digest_and_the_flag_of_the_image_that_it_came_from(host: System) -> None:
    folder = f"{VERSIONS}/latest"
    new = {"sha256": "2", "digest": "sha256:november", "preserve_argv0": True}
    older = {"image": "i", "digest": "sha256:may", "preserve_argv0": False}
    put(
        host,
        f"{folder}/manifest.json",
        json.dumps({**older, "programs": {"qemu-arm": "1", "qemu-s390x": new}}).encode(),
    )
    assert copied.program(host, folder, "qemu-arm") == copied.Copied("1", "sha256:may", preserve_argv0=False)
    assert copied.program(host, folder, "qemu-s390x") == copied.Copied("2", "sha256:november", preserve_argv0=True)
    assert copied.program(host, folder, "qemu-ppc64") is None


def test_a_package_that_is_known_to_bring_a_new_qemu_is_registered_with_p(host: System) -> None:
    put(host, "/usr/bin/apt-get")
    put(host, "/usr/bin/apt-cache", b"#!/bin/sh\necho qemu-user-static:\necho '  Candidate: 1:7.2+dfsg-7+deb12u18'\n")
    desired = Desired(platforms=(ROW.name,), emulators=Emulators(source="package"))
    found = sources.find(host, seen(), desired, ROW)
    assert isinstance(found, sources.Program)
    assert (found.brought_by, found.preserve_argv0) == ("package", True)


def test_an_older_version_of_the_image_is_named_and_removed_once_the_new_one_is_proven(host: System) -> None:
    for tag in ("qemu-v9.2.0", "qemu-v10.0.4"):
        put(host, f"{VERSIONS}/{tag}/manifest.json", json.dumps({"image": f"tonistiigi/binfmt:{tag}"}).encode())
    put(host, f"{VERSIONS}/theirs/qemu-arm")  # which has no manifest, so it is none of ours
    facts = seen(rule=f"{VERSIONS}/qemu-v10.0.4/qemu-riscv64")._replace(versions=machine.versions(host))
    desired = Desired(platforms=(ROW.name,), emulators=Emulators(image=TEN))
    old = "QEMU qemu-v9.2.0"
    asked = wanted(desired, facts)
    assert {key: asked[key] for key in asked if key.startswith("QEMU")} == {old: None}
    made = changes.change(host, facts, desired, (Difference(old, "copied by provisioner", None),))
    assert [step.sentence() for step in made.after] == [f"remove the copied programs in {VERSIONS}/qemu-v9.2.0"]
    assert (made.edits, made.late) == ((), (old,))
    assert f"kept, but not configured: {old}" in wanted(desired._replace(keep=("qemu",)), facts).note
