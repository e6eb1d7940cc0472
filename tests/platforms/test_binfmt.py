"""The texts of binfmt_misc: entries, rules, and the lines that provisioner writes."""

from pathlib import Path

import pytest

from provisioner.errors import ProvisionerError
from provisioner.platforms import binfmt, elf, table
from tests.cases import seen

CASES = Path(__file__).parents[1] / "cases/binfmt.d"
REFUSED = [line for line in (CASES / "refused.conf").read_text().splitlines() if line[:1] != "#"]
EMULATED = [p for p in table.PLATFORMS.values() if not p.build_only]

ARM64 = table.of("linux/arm64")
ALL_BITS = b"\xff"
ENTRY = """enabled
interpreter /usr/bin/qemu-aarch64
flags: POCF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""
LINE = (
    r":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/opt/qemu-aarch64:OCF"
)


def test_an_entry_of_the_kernels_is_read_whole() -> None:
    entry = binfmt.parse_entry(ENTRY)
    assert entry == binfmt.Entry(True, "/usr/bin/qemu-aarch64", "POCF", 0, ARM64.magic, ARM64.mask)


def test_an_entry_without_flags_is_read() -> None:
    assert binfmt.parse_entry("disabled\ninterpreter /a b\nflags: \noffset 3\nmagic 4d5a\n") == binfmt.Entry(
        False, "/a b", "", 3, b"MZ", ALL_BITS * 2
    )


def test_an_entry_by_extension_serves_no_elf() -> None:
    entry = binfmt.parse_entry("enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n")
    assert (entry.extension, entry.magic) == ("jar", b"")
    assert not binfmt.serves(entry.magic, entry.mask, entry.offset, elf.program("arm64"))


def test_what_a_path_with_a_newline_forges_does_not_count() -> None:
    entry = binfmt.parse_entry("enabled\ninterpreter /x\nflags: POCF\noffset 9\nflags: \noffset 0\nmagic 4d5a\n")
    assert (entry.flags, entry.offset) == ("", 0)


@pytest.mark.parametrize("text", ["", "enabled\n", "on\ninterpreter /x\nflags: \nmagic 00\n", ENTRY[8:], ENTRY[:60],
                                  "enabled\ninterpreter /x\nflags: \noffset 0\nmagic 4d5a\nmask ff\n",
                                  "enabled\ninterpreter /x\nflags: \noffset 0\nmagic 4d5\n"])  # fmt: skip
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # which sentence does not matter
        binfmt.parse_entry(text)


@pytest.mark.parametrize("name", seen.ENTRIES)
def test_an_entry_of_a_real_host_serves_one_architecture(name: str) -> None:
    text, whole = seen.ENTRIES[name]
    if not whole:
        with pytest.raises(ValueError, match="does not begin an entry"):
            binfmt.parse_entry(text)
        return
    entry = binfmt.parse_entry(text)
    served = [a for a in elf.ARCHITECTURES if binfmt.serves(entry.magic, entry.mask, entry.offset, elf.program(a))]
    assert len(served) == 1
    assert entry.enabled
    assert set(entry.flags) <= set(binfmt.FLAGS)


@pytest.mark.parametrize("name", seen.RULES)
def test_a_file_of_a_real_host_has_one_rule_at_most(name: str) -> None:
    text, count = seen.RULES[name]
    rules = binfmt.parse_rules(text)
    assert len(rules) == count
    assert all(r.interpreter.startswith("/") and len(r.mask) == len(r.magic) for r in rules)


def test_every_kind_of_line_in_a_file_is_understood() -> None:
    arm64, comma, jar, wsl, case = binfmt.parse_rules((CASES / "taken.conf").read_text())
    assert arm64 == binfmt.Rule("qemu-aarch64", "M", 0, ARM64.magic, ARM64.mask, "/opt/qemu-aarch64", "OC")
    assert comma == binfmt.Rule("comma", "M", 2, b"A:", ALL_BITS * 2, "/bin/comma", "")
    assert jar == binfmt.Rule("jar", "E", 0, b"", b"", "/usr/bin/je xec", "", "jar")
    assert wsl == binfmt.Rule("WSLInterop", "M", 0, b"MZ", ALL_BITS * 2, "/init", "P")
    assert case == binfmt.Rule("case", "M", 0, b"\\X41", b"\xff\xff\x0f\xff", "/bin/c:d", "CO")


def test_bytes_that_are_no_text_are_part_of_the_magic() -> None:
    line = b":raw:M::\xfe\xc3\xa4:\xff\xff\\xf0:/bin/x:".decode("utf-8", "surrogateescape")
    rule = binfmt.parse_rule(line)
    assert (rule.magic, rule.mask) == (b"\xfe\xc3\xa4", b"\xff\xff\xf0")


@pytest.mark.parametrize("line", REFUSED)
def test_a_line_that_the_kernel_would_refuse_has_no_effect(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # which sentence does not matter
        binfmt.parse_rule(line)
    assert binfmt.parse_rules(f"{line}\n{LINE}\n")[-1].name == "qemu-aarch64"
    assert len(binfmt.parse_rules(f"{line}\n{LINE}\n")) == 1


def test_a_line_of_ours_is_the_one_that_everybody_writes() -> None:
    assert binfmt.registration_line(ARM64, "/opt/qemu-aarch64", "OCF") == LINE


@pytest.mark.parametrize("platform", EMULATED, ids=lambda p: p.name)
def test_a_line_of_ours_reads_back_as_it_was_meant(platform: table.Platform) -> None:
    line = binfmt.registration_line(platform, "/opt/mein qemu-ü", "PCF", name="provisioner-x")
    [rule] = binfmt.parse_rules(line + "\n")
    assert rule == binfmt.Rule("provisioner-x", "M", 0, platform.magic, platform.mask, "/opt/mein qemu-ü", "PCF")
    assert binfmt.serves(rule.magic, rule.mask, rule.offset, elf.program(platform.architecture))


@pytest.mark.parametrize("path", ["", "qemu", "./qemu", "/a:b", "/a\nb", "/a\0b", "/a\x7f", "/\udcff", "/" + "a" * 127])
def test_a_path_that_would_break_the_line_is_refused(path: str) -> None:
    with pytest.raises(ProvisionerError, match="cannot be an interpreter"):
        binfmt.registration_line(ARM64, path, "F")


@pytest.mark.parametrize("name", [".", "..", "register", "status", "a:b", "a/b", "a\nb", "a\0b", "\udcff", "a" * 256])
def test_a_name_that_would_break_the_line_is_refused(name: str) -> None:
    with pytest.raises(ProvisionerError, match="cannot name an entry"):
        binfmt.registration_line(ARM64, "/qemu", "F", name=name)


@pytest.mark.parametrize("flags", ["X", "FF", "F\n", "F:", "f"])
def test_flags_that_the_kernel_does_not_know_are_refused(flags: str) -> None:
    with pytest.raises(ProvisionerError, match="not flags"):
        binfmt.registration_line(ARM64, "/qemu", flags)


def test_what_nobody_emulates_is_not_registered() -> None:
    with pytest.raises(ProvisionerError, match="windows/amd64: no emulator runs it"):
        binfmt.registration_line(table.of("windows/amd64"), "/qemu", "F", name="x")


def test_the_longest_line_fits_into_the_kernels_buffer() -> None:
    for platform in EMULATED:
        line = binfmt.registration_line(platform, "/" + "a" * 126, "POCF", name="n" * 255)
        assert len(line) + len("\n") <= 1920


def test_a_file_is_compared_as_the_kernel_does() -> None:
    assert binfmt.serves(b"MZ", b"\xff\xff", 0, b"MZ and more")
    assert binfmt.serves(b"\x4d\x00", b"\xff\x00", 0, b"MZ")
    assert binfmt.serves(b"b", b"\xff", 1, b"abc")
    assert binfmt.serves(b"a\0\0", b"\xff\xff\xff", 0, b"a")
    assert not binfmt.serves(b"MZ", b"\xff\xff", 0, b"ZM")
    assert not binfmt.serves(b"MZ", b"\xff\xff", 1, b"MZ")
    assert not binfmt.serves(b"", b"", 0, b"MZ")


def test_a_magic_of_19_bytes_serves_arm64_all_the_same() -> None:
    assert binfmt.serves(ARM64.magic[:19], ARM64.mask[:19], 0, elf.program("arm64"))


KERNEL = {  # from Linux 6.18: what the kernel's table shows for a magic and an offset
    ("\\x41", ""): (b"A", 0),
    ("\\\\x41", ""): (b"\\\\x41", 0),
    ("\\\\\\x41", ""): (b"\\\\A", 0),
    ("A\\", ""): (b"A\\", 0),
    ("A", "+0"): (b"A", 0),
    ("A", "-0"): (b"A", 0),
    ("A", "+7"): (b"A", 7),
}


@pytest.mark.parametrize(("magic", "offset"), KERNEL)
def test_a_magic_means_what_it_means_to_the_kernel(magic: str, offset: str) -> None:
    rule = binfmt.parse_rule(f":a:M:{offset}:{magic}::/bin/true:")
    assert (rule.magic, rule.offset) == KERNEL[magic, offset]


@pytest.mark.parametrize("offset", ["0x1", " 1", "-1", "\u0663", "1_0", "+-1", "--1", "99999999999999999999"])
def test_an_offset_that_the_kernel_refuses_is_refused(offset: str) -> None:
    with pytest.raises(ValueError, match="does not lie within"):
        binfmt.parse_rule(f":a:M:{offset}:A::/bin/true:")


@pytest.mark.parametrize("magic", ["\\x4", "\\xzz", "\\\\x4"])
def test_an_escape_without_two_digits_is_refused(magic: str) -> None:
    with pytest.raises(ValueError, match="two hexadecimal digits"):
        binfmt.parse_rule(f":a:M::{magic}::/bin/true:")
