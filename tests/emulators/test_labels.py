"""The labels say what runs each platform: the CPU, an emulator (which QEMU), a node, or nothing."""

from pathlib import Path

import pytest

from provisioner.config.desired import Builder, Desired, Node
from provisioner.emulators import labels
from provisioner.emulators.labels import Label
from provisioner.engine import endpoints, info
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.platforms import binfmt, table

VERSIONS = "/usr/local/lib/provisioner/qemu"
WHERE = endpoints.Endpoint("default", "unix:///var/run/docker.sock", "default")


def facts(**interpreters: str) -> Facts:
    rows = {name: table.of(name) for name in interpreters}
    entries = {
        str(row.emulator): binfmt.Entry(True, interpreters[name], "F", 0, row.magic, row.mask)
        for name, row in rows.items()
    }
    return Facts(WHERE, info.NONE, "", (), "", False, table.native("x86_64"), entries, mounted=True)


def test_each_platform_has_a_label(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "usr/bin").mkdir(parents=True)
    program = tmp_path / "usr/bin/qemu-s390x"
    program.write_text("#!/bin/sh\necho 'qemu-s390x version 10.0.13 (Debian 1:10.0.13)'\n")
    program.chmod(0o755)
    seen = facts(arm64=f"{VERSIONS}/qemu-v9.2.0-51/qemu-aarch64", s390x="/usr/bin/qemu-s390x")
    wanted = ("linux/amd64", "linux/arm64", "linux/s390x", "linux/riscv64", "linux/ppc64le", "windows/amd64")
    builder = Builder(nodes=(Node("ssh://power", "power", ("linux/ppc64le",)),))
    found = labels.labels(System(str(tmp_path), {}), seen, Desired(platforms=wanted, builder=builder))
    assert [label._replace(fault="") for label in found] == [
        Label("linux/amd64", "native"),
        Label("linux/arm64", "emulated", "9.2.0", "image qemu-v9.2.0-51"),
        Label("linux/s390x", "emulated", "10.0.13", "package"),
        Label("linux/riscv64", "none"),
        Label("linux/ppc64le", "node", node="power"),
        Label("windows/amd64", "build-only"),
    ]
    [note] = labels.notes(found)
    assert note.startswith("QEMU 9.2.0 for arm64 kills ldconfig")


@pytest.mark.parametrize(
    ("version", "faulty"),
    [
        ("9.2.0", True),
        ("9.2.3", False),
        ("10.1.3", True),
        ("10.0.4", False),
        ("7.0.0", False),
        ("", False),
        ("x", False),
    ],
)
def test_a_qemu_with_a_known_fault_is_named(version: str, faulty: bool) -> None:
    assert bool(labels.fault("arm64", version)) is faulty
    assert not labels.fault("s390x", version)
