"""Generate the test programs, one tiny static ELF program per architecture, and parse the header of any ELF file.

A test program prints the name of its architecture, reads one byte, and exits with the number of its arguments as its
status. The last line of its output tells which variant ran: for a memory file on ppc64le, QEMU 10 and later print a
line of their own first.

An open pipe as stdin keeps the program running, so that /proc/PID/exe shows which emulator runs it. With /dev/null it
ends at once, so that it can be a RUN of a Dockerfile.

A status other than 0 without an argument means that the emulator shifted the arguments: the entry has the wrong P flag.
If the status is 1, P must be removed; otherwise P is missing.

The readable sources are ``probes/<architecture>.s``. A test assembles them and compares the result. Formats: elf(5),
and each architecture's processor supplement for machine numbers and flags.
"""

import struct

from provisioner.typed import NamedTuple

BASE = 0x400000  # the address of the one segment; a multiple of every page size
HEAD = 4096  # bytes of a file that contain its ELF header and program headers
PAGE = 0x10000  # the largest page size of the kernels of these architectures
_EXEC, _ANYWHERE, _LOAD, _INTERP, _STACK = 2, 3, 1, 3, 0x6474E551
_READ, _READ_WRITE, _READ_EXECUTE = 4, 6, 5
_IDENT = struct.Struct("4sBBB9x")
_MARK = b"P"


class Architecture(NamedTuple):
    """The ELF properties of an architecture.

    ``order`` is struct's character for the byte order. ``machine`` and ``flags`` are e_machine and e_flags.
    """

    bits: int
    order: str
    machine: int
    flags: int
    code: bytes


def _row(bits: int, order: str, machine: int, flags: int, code: str) -> Architecture:
    return Architecture(bits, order, machine, flags, bytes.fromhex(code))


# Flags are as neutral as the ABI allows: EABI 5 without a floating-point flag, ELFv2, MIPS III, LP64D.
ARCHITECTURES = {
    "amd64": _row(64, "<", 62, 0, """
        b801000000 bf01000000 488d3529000000 ba06000000 0f05
        b800000000 bf00000000 488d7424f0 ba01000000 0f05
        b83c000000 8b3c24 ffcf 0f05 616d6436340a"""),
    "386": _row(32, "<", 3, 0, """
        683338360a 89e1 b804000000 bb01000000 ba04000000 cd80
        b803000000 bb00000000 89e1 ba01000000 cd80
        b801000000 8b5c2404 4b cd80"""),
    "arm64": _row(64, "<", 183, 0, """
        080880d2 200080d2 81010010 c20080d2 010000d4
        e80780d2 000080d2 e14300d1 220080d2 010000d4
        a80b80d2 e00340f9 000400d1 010000d4 61726d36340a"""),
    "arm": _row(32, "<", 40, 0x05000000, """
        0470a0e3 0100a0e3 28108fe2 0420a0e3 000000ef
        0370a0e3 0000a0e3 10104de2 0120a0e3 000000ef
        0170a0e3 00009de5 010040e2 000000ef 61726d0a"""),
    "riscv64": _row(64, "<", 243, 0, """
        ef05c000 726973637636340a 93080004 13051000 13068000 73000000
        9308f003 13050000 930501ff 13061000 73000000
        9308d005 03350100 1305f5ff 73000000"""),
    "ppc64le": _row(64, "<", 21, 2, """
        05009f42 a602887c 3c008438 04000038 01006038 0800a038 02000044
        03000038 00006038 f0ff8138 0100a038 02000044
        01000038 000061e8 ffff6338 02000044 70706336346c650a"""),
    "s390x": _row(64, ">", 22, 0, """
        a7290001 c03000000015 a7490006 0a04
        a7290000 b904003f a73bfff0 a7490001 0a03
        e320f0000004 a72bffff 0a01 73333930780a"""),
    "mips64le": _row(64, "<", 8, 0x20000000, """
        04001104 89130224 6d69707336346c650a000000 2528e003 01000424 09000624 0c000000
        88130224 00000424 f0ffa567 01000624 0c000000
        c2130224 0000a4df ffff8464 0c000000"""),
    "mips64": _row(64, ">", 8, 0x20000000, """
        04110003 24021389 6d69707336340a00 03e02825 24040001 24060007 0000000c
        24021388 24040000 67a5fff0 24060001 0000000c
        240213c2 dfa40000 6484ffff 0000000c"""),
    "loong64": _row(64, "<", 258, 0x43, """
        000c0054 6c6f6f6e6736340a 25001500 0b00c102 0404c002 0620c002 00002b00
        0bfcc002 0400c002 65c0ff02 0604c002 00002b00
        0b74c102 6400c028 84fcff02 00002b00"""),
}  # fmt: skip

# After e_ident: type, machine, version, entry, phoff, shoff, flags, ehsize, phentsize, phnum, three section fields.
_HEADER = {32: "HHIIIIIHHHHHH", 64: "HHIQQQIHHHHHH"}
_SEGMENT = {32: "IIIIIIII", 64: "IIQQQQQQ"}


def program(architecture: str, code: bytes = b"") -> bytes:
    """Return the test program of an architecture, or a program with other code, as a whole executable file.

    Raises: KeyError if the architecture has none.
    """
    return file(architecture, code or ARCHITECTURES[architecture].code)


def file(architecture: str, code: bytes, base: int = BASE, loader: str = "") -> bytes:
    """Return an executable file that starts at the beginning of its code.

    ``base`` is the address of its one segment; 0 lets the kernel choose. ``loader`` is the path of its loader, if any.
    """
    row = ARCHITECTURES[architecture]
    ident = _IDENT.pack(b"\x7fELF", row.bits // 32, 1 if row.order == "<" else 2, 1)
    header, segment = struct.Struct(row.order + _HEADER[row.bits]), struct.Struct(row.order + _SEGMENT[row.bits])
    first = len(ident) + header.size
    count = 3 if loader else 2
    named = first + count * segment.size
    name = loader.encode() + b"\0" if loader else b""
    start = named + len(name) + -(named + len(name)) % 16 if name else named
    size = start + len(code)

    def entry(kind: int, flags: int, offset: int, length: int, align: int) -> bytes:
        address = base + offset if length else 0
        where = (offset, address, address, length, length)
        return segment.pack(kind, flags, *where, align) if row.bits == 64 else segment.pack(kind, *where, flags, align)

    fields = (_EXEC if base else _ANYWHERE, row.machine, 1, base + start, first, 0, row.flags, first, segment.size)
    return b"".join((
        ident,
        header.pack(*fields, count, 0, 0, 0),
        entry(_INTERP, _READ, named, len(name), 1) if name else b"",
        entry(_LOAD, _READ_EXECUTE, 0, size, PAGE),
        entry(_STACK, _READ_WRITE, 0, 0, 16),  # without it, kernels log that a stack is executable
        name.ljust(start - named, b"\0"),
        code,
    ))  # fmt: skip


def unserved(architecture: str) -> bytes:
    """Return the test program with a mark in e_ident's padding.

    QEMU's magic covers the padding, so the usual emulators do not match this program. The kernel's own loader ignores
    the padding. The CPU and the kernel alone decide whether the program runs.
    """
    data = program(architecture)
    return data[: _IDENT.size - 1] + _MARK + data[_IDENT.size :]


def machine(data: bytes) -> str | None:
    """Return the architecture in the first 20 bytes of a file, or None if it is not ELF or not in our table."""
    form = _form(data)
    if form is None or len(data) < 20:
        return None
    bits, order = form
    (number,) = struct.unpack_from(f"{order}H", data, 18)
    return next((n for n, a in ARCHITECTURES.items() if (a.bits, a.order, a.machine) == (bits, order, number)), None)


def needs_interpreter(data: bytes) -> bool | None:
    """Whether a program is dynamic, that is, names a loader (PT_INTERP).

    ``data`` is a file or its beginning. Linkers put the program headers into the first kilobyte. A static PIE has a
    dynamic section but no loader, so it counts as static.

    Returns: None if the file is not ELF, or if ``data`` is too short to tell.
    """
    form = _form(data)
    if form is None:
        return None
    bits, order = form
    try:
        fields = struct.unpack_from(order + _HEADER[bits], data, _IDENT.size)
        offset, size, count = fields[4], fields[8], fields[9]
        kinds = [struct.unpack_from(f"{order}I", data, offset + index * size)[0] for index in range(count)]
    except struct.error:
        return None
    return _INTERP in kinds


def _form(data: bytes) -> tuple[int, str] | None:
    """Return the bits and byte order in e_ident, or None if they are not valid."""
    bits, order = {b"\1": 32, b"\2": 64}.get(data[4:5]), {b"\1": "<", b"\2": ">"}.get(data[5:6])
    return (bits, order) if data[:4] == b"\x7fELF" and bits and order else None
