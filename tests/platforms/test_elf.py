"""The test programs match their readable sources, and ELF headers are parsed correctly."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from provisioner.platforms import elf, loads

SOURCES = Path(elf.__file__).parent

# GNU's assembler for each architecture. LLVM's assembler knows all of them and verifies the result. For loong64, it is
# the only one if the distribution has no GNU binutils.
GNU = {
    "amd64": ("as", "--64"),
    "386": ("as", "--32"),
    "arm64": ("aarch64-linux-gnu-as",),
    "arm": ("arm-linux-gnueabi-as",),
    "riscv64": ("riscv64-linux-gnu-as",),
    "ppc64le": ("powerpc64le-linux-gnu-as",),
    "s390x": ("s390x-linux-gnu-as",),
    "mips64le": ("mips64el-linux-gnuabi64-as",),
    "mips64": ("mips64-linux-gnuabi64-as",),
    "loong64": ("loongarch64-linux-gnu-as",),
}
LLVM = {
    "amd64": ("--triple=x86_64-linux-gnu",),
    "386": ("--triple=i386-linux-gnu",),
    "arm64": ("--triple=aarch64-linux-gnu",),
    "arm": ("--triple=armv5te-linux-gnueabi",),
    "riscv64": ("--triple=riscv64-linux-gnu",),
    "ppc64le": ("--triple=powerpc64le-linux-gnu",),
    "s390x": ("--triple=s390x-linux-gnu",),
    "mips64le": ("--triple=mips64el-linux-gnuabi64",),
    "mips64": ("--triple=mips64-linux-gnuabi64",),
    "loong64": ("--triple=loongarch64-linux-gnu", "-mattr=+d"),
}


def llvm_mc() -> str | None:
    """Return the newest llvm-mc that knows loong64 (LLVM 16 and later), or None. Debian numbers the programs."""
    return next(filter(None, (shutil.which(f"llvm-mc-{version}") for version in range(30, 15, -1))), None)


def assemblers(architecture: str) -> list[tuple[str, ...]]:
    found = [GNU[architecture]] if shutil.which(GNU[architecture][0]) else []
    llvm = llvm_mc()
    return [*found, (llvm, "--filetype=obj", *LLVM[architecture])] if llvm else found


# For each word size, the positions in an object file: e_shoff's format and offset, the offset of e_shentsize, e_shnum
# and e_shstrndx, and the format of a section header.
SECTIONS = {32: ("I", 32, 46, "IIIIII"), 64: ("Q", 40, 58, "IIQQQQ")}


def text_section(data: bytes) -> bytes:
    """Return the .text section of an object file."""
    order = "<" if data[5] == 1 else ">"
    offset, place, counts, section = SECTIONS[32 * data[4]]
    [start] = struct.unpack_from(order + offset, data, place)
    size, count, names = struct.unpack_from(f"{order}HHH", data, counts)
    headers = [struct.unpack_from(order + section, data, start + index * size) for index in range(count)]
    strings = headers[names][4]
    return next(data[h[4] : h[4] + h[5]] for h in headers if data[strings + h[0] :].startswith(b".text\0"))


CODES = {"probes": {name: row.code for name, row in elf.ARCHITECTURES.items()}} | {
    "loads": {name: bytes.fromhex(code) for name, code in loads.CODE.items()}
}


@pytest.mark.parametrize("architecture", elf.ARCHITECTURES)
@pytest.mark.parametrize("kind", CODES)
def test_the_table_holds_what_the_source_assembles_to(architecture: str, kind: str, tmp_path: Path) -> None:
    found = assemblers(architecture)
    if not found:
        pytest.skip(f"no assembler for {architecture} is installed")
    code = CODES[kind][architecture]
    for number, argv in enumerate(found):
        made = tmp_path / f"{number}.o"
        subprocess.run((*argv, "-o", made, SOURCES / kind / f"{architecture}.s"), check=True, timeout=60)
        text = text_section(made.read_bytes())
        assert text[: len(code)] == code, argv[0]
        assert len(text) - len(code) < 16, "only padding may follow"


@pytest.mark.parametrize("kind", CODES)
def test_every_architecture_has_a_source_and_no_source_is_left_over(kind: str) -> None:
    assert {p.stem for p in (SOURCES / kind).glob("*.s")} == set(elf.ARCHITECTURES) == set(CODES[kind])


@pytest.mark.parametrize("architecture", elf.ARCHITECTURES)
def test_a_probe_is_a_small_static_program_that_names_itself(architecture: str) -> None:
    program = elf.program(architecture)
    assert len(program) < 300
    assert f"{architecture}\n".encode() in program
    assert elf.machine(program) == architecture
    assert elf.needs_interpreter(program) is False


def test_no_two_probes_begin_alike() -> None:
    heads = {elf.program(a)[:20] for a in elf.ARCHITECTURES}
    assert len(heads) == len(elf.ARCHITECTURES)


def test_there_is_no_probe_for_an_unknown_architecture() -> None:
    with pytest.raises(KeyError):
        elf.program("vax")


def retyped(architecture: str, kind: int) -> bytes:
    """Return a test program whose last segment has another type."""
    program = bytearray(elf.program(architecture))
    order = elf.ARCHITECTURES[architecture].order
    last = 52 + 32 if elf.ARCHITECTURES[architecture].bits == 32 else 64 + 56
    struct.pack_into(f"{order}I", program, last, kind)
    return bytes(program)


@pytest.mark.parametrize("architecture", elf.ARCHITECTURES)
def test_a_program_that_names_a_loader_is_dynamic(architecture: str) -> None:
    assert elf.needs_interpreter(retyped(architecture, 3)) is True


def test_a_static_pie_is_static() -> None:
    assert elf.needs_interpreter(retyped("amd64", 2)) is False  # only PT_DYNAMIC


def test_the_shell_of_this_machine_is_dynamic() -> None:
    assert elf.needs_interpreter(Path("/bin/sh").read_bytes()[:4096]) is True


@pytest.mark.parametrize("data", [b"", b"\x7f", b"\x7fELF", b"\x7fELF\x02\x01\x01", b"#!/bin/sh\n", b"MZ" * 64,
                                  b"\x7fELF\x03\x01" + b"\0" * 99, b"\x7fELF\x02\x03" + b"\0" * 99])  # fmt: skip
def test_what_is_no_elf_is_neither_static_nor_of_a_machine(data: bytes) -> None:
    assert elf.needs_interpreter(data) is None
    assert elf.machine(data) is None


def test_a_file_cut_off_before_its_program_headers_is_unknown() -> None:
    program = elf.program("arm64")
    assert elf.machine(program[:20]) == "arm64"
    assert elf.needs_interpreter(program[:100]) is None


def test_an_elf_of_another_machine_is_none_of_ours() -> None:
    x32 = bytearray(elf.program("386"))
    x32[18] = 62
    assert elf.machine(bytes(x32)) is None
