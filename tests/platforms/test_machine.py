"""Native platforms are found by running test programs, not by trusting ``uname``."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from provisioner.cli import detect, detect_text
from provisioner.errors import ProvisionerError
from provisioner.host import System, looking
from provisioner.model import Ran
from provisioner.platforms import binfmt, elf, machine, pages, table
from tests.helpers import large

CHECKOUT = Path(__file__).parents[2]
HERE = System().machine
OWN = table.of(table.native(HERE)[0])
SCRIPT = """
import sys; sys.path.insert(0, sys.argv[1])
from provisioner.host import System
from provisioner.platforms import machine
print(System().machine, *machine.native(System(), {}, sys.argv[2:]))
"""


@pytest.mark.parametrize("name", ["riscv64", "no machine that anybody knows"])
def test_what_the_cpu_runs_is_native_whatever_uname_says(name: str) -> None:
    host = System("/", {}, machine=name)
    assert OWN.name in machine.native(host, {}, (OWN.name,))
    assert not table.emulated(OWN, machine.native(host, {}, (OWN.name,)))


def test_a_32_bit_personality_does_not_make_the_host_s_own_programs_foreign() -> None:
    ran = subprocess.run(
        ("/usr/bin/setarch", "linux32", sys.executable, "-I", "-c", SCRIPT, str(CHECKOUT), OWN.name),
        capture_output=True,
        text=True,
        check=True,
    )
    said, *native = ran.stdout.split()
    assert said != HERE
    assert OWN.name in native


def test_no_usual_entry_serves_a_program_with_the_mark_and_the_kernel_runs_it_all_the_same() -> None:
    for row in table.PLATFORMS.values():
        if not row.build_only:
            program = elf.unserved(row.architecture)
            assert binfmt.serves(row.magic, row.mask, 0, elf.program(row.architecture))
            assert not binfmt.serves(row.magic, row.mask, 0, program)
    [ran] = System().runs([elf.unserved(OWN.architecture)])
    assert (ran.status, ran.stdout) == (0, f"{OWN.architecture}\n")


def test_an_entry_does_not_make_its_architecture_native() -> None:
    row = table.of("linux/386")
    entry = binfmt.Entry(True, "/usr/bin/qemu-i386", "F", 0, row.magic, row.mask)
    host = System("/", {}, machine="x86_64")
    with_it, without = (machine.native(host, entries, ("linux/386",)) for entries in ({"qemu-i386": entry}, {}))
    assert with_it == without


@pytest.mark.parametrize("registered", [False, True])
def test_a_kernel_without_32_bit_programs_does_not_run_386_whatever_is_registered(registered: bool) -> None:
    class Host(System):
        """A host whose kernel was booted with ia32_emulation=0."""

        def runs(self, programs: Sequence[bytes], *, bare: bool = False, patience: float = 10.0) -> list[Ran]:
            return [Ran(None, "", "Exec format error") for _ in programs]

    row = table.of("linux/386")
    entry = binfmt.Entry(True, "/usr/bin/qemu-i386", "F", 0, row.magic, row.mask)
    found = machine.native(Host("/", {}, machine="x86_64"), {"qemu-i386": entry} if registered else {}, (row.name,))
    assert "linux/amd64" in found
    assert table.emulated(row, found)


def test_mips_says_one_name_for_both_byte_orders() -> None:
    assert table.native("mips64el") == ("linux/mips64le",)
    assert looking.ordered("mips64", "little") == "mips64el"
    assert (looking.ordered("mips64", "big"), looking.ordered("x86_64", "little")) == ("mips64", "x86_64")


def test_a_probe_is_looked_at_when_it_has_spoken_and_is_never_taken_for_our_own_python() -> None:
    ours = Path(sys.executable).resolve().stat()
    host, program = System(), elf.program(OWN.architecture)
    for _ in range(100):
        [ran] = host.runs([program])
        assert ran.inode not in (None, (ours.st_dev, ours.st_ino))


def test_a_table_that_is_not_the_kernel_s_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / machine.BINFMT[1:]).mkdir(parents=True)
    (tmp_path / machine.BINFMT[1:] / "qemu-arm").touch()
    with pytest.raises(ProvisionerError, match="qemu-arm: this is not an entry of the kernel's"):
        machine.look(System(str(tmp_path), {}))


@pytest.mark.parametrize(("does", "page"), [(True, 4096), (True, 16384), (False, 16384)])
def test_what_detect_says_of_the_cpu_is_what_it_says_of_each_platform(tmp_path: Path, does: bool, page: int) -> None:
    """An arm64 CPU may have a 32-bit mode, which only a test program shows."""
    large.host(tmp_path, page)

    class Arm(System):
        def runs(self, programs: Sequence[bytes], *, bare: bool = False, patience: float = 10.0) -> list[Ran]:
            said = {elf.unserved("arm"): Ran(0, "arm\n")} if does else {}
            return [said.get(program, Ran(None, "", "Exec format error")) for program in programs]

    found, silent = detect.detect(Arm(str(tmp_path), {}, machine="aarch64"))
    assert ("linux/arm/v7" in found["cpu"]["native"]) is does
    told = {row["platform"]: row["runs"] for row in found["emulators"]["platforms"]}
    assert (told.get("linux/arm/v7") == "native") is does, told
    assert found["cpu"]["page_size"] == page
    assert (pages.CRASH in detect_text.render(found, silent)) is (does and page > pages.USUAL)
