"""QEMU versions that are known to break programs."""

import pytest

from provisioner.checks import qemu


@pytest.mark.parametrize(
    ("version", "architecture", "broken"),
    [
        ("9.2.0", "arm64", True),
        ("9.2.0", "s390x", False),
        ("9.2.1", "arm64", False),
        ("10.0.13", "arm64", False),
        ("8.1.0", "riscv64", True),
        ("8.1.3", "riscv64", False),
        ("7.0.0", "arm", True),
        ("4.2.1", "s390x", True),
        ("7.2.17+dfsg", "arm64", False),
        ("", "arm64", False),
        ("master", "arm64", False),
    ],
)
def test_a_version_with_a_known_fault_is_told_from_one_without(version: str, architecture: str, broken: bool) -> None:
    assert bool(qemu.faults(version, architecture)) is broken


def test_every_fault_ends_with_a_version_and_says_what_breaks() -> None:
    for fault in qemu.FAULTS:
        assert fault.since < fault.fixed
        assert fault.what
