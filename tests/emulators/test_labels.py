"""The labels say what runs each platform: the CPU, an emulator (which QEMU, from where), a node, or nothing."""

from pathlib import Path

import pytest

from provisioner.config.desired import Builder, Desired, Node
from provisioner.emulators import faults, labels
from provisioner.emulators.labels import Emulator, Label
from provisioner.engine import endpoints, info
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.platforms import binfmt, table

VERSIONS = "/usr/local/lib/provisioner/qemu"
WHERE = endpoints.Endpoint("default", "unix:///var/run/docker.sock", "default")
COPIED = f"{VERSIONS}/qemu-v9.2.0-51/qemu-aarch64"


def facts(**interpreters: str) -> Facts:
    rows = {name: table.of(name) for name in interpreters}
    entries = {
        f"of-whatever-name-{name}": binfmt.Entry(True, interpreters[name], "F", 0, row.magic, row.mask)
        for name, row in rows.items()
    }
    ours = {"arm64": COPIED}
    return Facts(WHERE, info.NONE, "", (), "", False, table.native("x86_64"), entries, mounted=True, ours=ours)


def test_each_platform_has_a_label_that_a_person_can_read(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "usr/bin").mkdir(parents=True)
    program = tmp_path / "usr/bin/qemu-s390x"
    program.write_text("#!/bin/sh\necho 'qemu-s390x version 10.0.13 (Debian 1:10.0.13)'\n")
    program.chmod(0o755)
    seen = facts(arm64=COPIED, s390x="/usr/bin/qemu-s390x", mips64="/opt/qemu/qemu-mips64")
    platforms = ("amd64", "arm64", "s390x", "mips64", "riscv64", "ppc64le")
    wanted = (*(f"linux/{name}" for name in platforms), "windows/amd64")
    builder = Builder(nodes=(Node("ssh://power", "power", ("linux/ppc64le",)),))
    desired = Desired(platforms=wanted, builder=builder)
    told = tuple(faults.asked(System(str(tmp_path), {}), labels.labels(seen, desired)))
    assert [label.sentence for label in told] == [
        "native",
        "emulated by QEMU 9.2.0 from image qemu-v9.2.0-51",
        "emulated by QEMU 10.0.13 from package, not registered by provisioner",
        "emulated by QEMU from /opt/qemu, not registered by provisioner",
        "no emulator is registered",
        "built on node power; here: no emulator is registered",
        "build only",
    ]
    known = labels.labels(seen, desired, {"/usr/bin/qemu-s390x": "10.0.13"})
    assert known == told  # what an apply has kept says the same as the programs themselves
    warned = list(faults.warnings(told))
    assert [line.partition(": if builds")[0] for line in warned] == [
        "QEMU 9.2.0 for linux/arm64 kills ldconfig and Node.js of some images with signal 11",
        "QEMU 9.2.0 for linux/arm64 translates openat2 wrongly, so tar of current images fails (Invalid argument)",
    ]


ARM = Node("ssh://arm", "arm", ("linux/arm64",))
ARM_TOO = Node("ssh://spare", "spare", ("linux/arm64",))


@pytest.mark.parametrize(
    ("builder", "where"),
    [
        (Builder(), ("", "")),
        (Builder(nodes=(ARM, ARM_TOO)), ("", "arm")),
        (Builder(platforms=("linux/arm64",), nodes=(ARM,)), ("", "")),
        (Builder("b", nodes=(Node("ssh://me:secret@arm", "", ("linux/arm64",)),)), ("", "b1")),
        (Builder("b", "kubernetes", nodes=(ARM,)), ("b0", "arm")),
        (Builder("b", "remote", nodes=(Node("tcp://any", "any"), ARM)), ("any", "arm")),
        (Builder("b", "remote", nodes=(ARM,)), ("", "arm")),
    ],
)
def test_the_node_that_builds_a_platform_is_the_one_that_buildx_takes(builder: Builder, where: tuple[str, str]) -> None:
    told = labels.labels(facts(), Desired(builder=builder))
    assert tuple(label.built_on for label in told) == where


def test_emulators_of_the_engine_s_own_or_that_cannot_be_seen_are_named_so() -> None:
    desired = Desired(platforms=("linux/arm64",))
    inside = facts()._replace(engine=info.NONE._replace(kind="desktop"))
    assert labels.labels(inside, desired) == (Label("linux/arm64", "emulated", "Docker Desktop"),)
    [unseen] = labels.labels(facts()._replace(table_unseen="no"), desired)
    assert unseen.sentence == "emulated by an emulator that this host does not show"


@pytest.mark.parametrize(
    ("version", "architecture", "source", "broken"),
    [
        ("4.2.1", "arm64", "package", 2),
        ("7.2.17+dfsg", "s390x", "package", 1),
        ("9.2.0", "arm64", "image", 2),
        ("9.2.0", "arm64", "package", 1),
        ("9.2.0", "s390x", "image", 0),
        ("9.2.3", "arm64", "package", 0),
        ("10.0.4", "arm64", "image", 1),
        ("10.0.13", "arm64", "package", 0),
        ("10.1.3", "arm64", "image", 1),
        ("10.2.3", "arm64", "image", 0),
        ("11.0.2", "arm64", "image", 0),
        ("master", "arm64", "image", 0),
        ("", "arm64", "image", 0),
    ],
)
def test_a_qemu_with_known_faults_is_told_from_one_without(
    version: str, architecture: str, source: str, broken: int
) -> None:
    emulator = Emulator("/usr/bin/qemu", source, "", version, ours=True, flags="F")
    assert len(faults.faults(emulator, architecture)) == broken


def test_every_fault_ends_with_a_version_says_what_breaks_and_names_a_report() -> None:
    for fault in faults.FAULTS:
        assert fault.since < fault.fixed
        assert fault.words
        assert "#" in fault.reports
    image = Emulator("/x", "image", "", faults.GOOD.rpartition("-v")[2], ours=True, flags="F")
    assert not any(faults.faults(image, architecture) for architecture in ("arm64", "amd64", "s390x", "arm"))
