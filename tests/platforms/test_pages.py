"""A kernel whose pages are larger than 4 KB is named, with the platforms whose programs crash there."""

import os
from pathlib import Path

import pytest

from provisioner.emulators import faults
from provisioner.emulators.labels import Emulator, Label
from provisioner.host import System
from provisioner.platforms import pages
from tests.helpers.large import host


def test_the_size_is_the_one_that_the_kernel_says_to_every_program(tmp_path: Path) -> None:
    assert pages.size(System()) == os.sysconf("SC_PAGESIZE")
    assert pages.size(System(str(tmp_path), {})) == 0
    assert pages.size(host(tmp_path, 65536)) == 65536


@pytest.mark.parametrize(
    ("size", "native", "told"),
    [
        (16384, ("linux/arm64", "linux/arm/v7", "linux/arm/v6"), "linux/arm/v7, linux/arm/v6"),
        (32768, ("linux/arm/v7",), "linux/arm/v7"),
        (16384, ("linux/arm64",), ""),
        (4096, ("linux/arm64", "linux/arm/v7"), ""),
        (4096, ("linux/amd64", "linux/386"), ""),
    ],
)
def test_native_platforms_whose_programs_need_pages_of_4_kb_are_told(
    tmp_path: Path, size: int, native: tuple[str, ...], told: str
) -> None:
    note = pages.note(host(tmp_path, size), native)
    assert bool(note) is bool(told)
    assert told in note
    assert not note or f"pages of {size >> 10} KB" in note
    assert bool(pages.crash(System(str(tmp_path), {}), native)) is bool(told)


@pytest.mark.parametrize(
    ("version", "size", "told"),
    [("7.2.17", 16384, True), ("8.2.2", 65536, True), ("7.2.17", 4096, False), ("9.1.0", 16384, False)],
)
def test_a_qemu_that_is_older_than_large_pages_is_told(version: str, size: int, told: bool) -> None:
    label = Label(
        "linux/amd64", "emulated", emulator=Emulator("/usr/bin/qemu-x86_64", "package", "", version, True, "F")
    )
    assert any("because this kernel has pages of" in line for line in faults.warnings((label,), size)) is told
