"""Which platforms are emulated, and the names of their keys."""

from pathlib import Path

import pytest

from provisioner.config.desired import Desired
from provisioner.emulators import files, keys
from provisioner.emulators.keys import Key
from provisioner.emulators.wanted import told
from provisioner.engine import endpoints, facts, info
from provisioner.host import System
from provisioner.platforms import binfmt, elf, machine, table

LEVEL_2 = table.native("x86_64", ["cx16", "lahf_lm", "pni", "popcnt", "sse4_1", "sse4_2", "ssse3"])


def test_a_variant_of_the_host_s_own_architecture_never_gets_an_emulator() -> None:
    for name in ("linux/amd64", "linux/amd64/v2", "linux/amd64/v3", "linux/386"):
        assert not table.emulated(table.of(name), LEVEL_2)
    assert table.build_only(table.of("linux/amd64/v3"), LEVEL_2)
    assert not table.build_only(table.of("linux/amd64/v2"), LEVEL_2)
    assert not table.emulated(table.of("linux/arm/v7"), table.native("armv6l"))


@pytest.mark.parametrize("name", table.PLATFORMS)
@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "riscv64", "armv7l"])
def test_every_platform_is_native_emulated_or_build_only(machine: str, name: str) -> None:
    native = table.native(machine)
    row = table.of(name)
    assert [name in native, table.emulated(row, native), table.build_only(row, native)].count(True) == 1


def test_all_means_one_platform_of_each_architecture() -> None:
    found = table.each_architecture()
    assert sorted(table.of(p).architecture for p in found) == sorted(elf.ARCHITECTURES)
    assert "linux/arm/v7" in found


VERSIONS = {
    "tonistiigi/binfmt": "latest",
    "docker.io/tonistiigi/binfmt:qemu-v10.0.4": "qemu-v10.0.4",
    "tonistiigi/binfmt@sha256:" + "a1" * 32: "sha256-a1a1a1a1a1a1",
    "tonistiigi/binfmt:qemu@sha256:" + "a1" * 32: "sha256-a1a1a1a1a1a1",
}


@pytest.mark.parametrize("image", VERSIONS)
def test_an_image_s_directory_bears_its_tag(image: str) -> None:
    assert files.version(image) == VERSIONS[image]


def test_images_of_other_names_and_long_tags_do_not_share_a_directory() -> None:
    images = ("registry:5000/binfmt", "other/binfmt:latest", "binfmt:" + "x" * 128, "binfmt:" + "x" * 127 + "y")
    found = {files.version(image) for image in images}
    assert len(found) == len(images)
    assert all("/" not in v and ":" not in v for v in found)
    longest = max(len(f"{machine.VERSIONS}/{v}/qemu-loongarch64") for v in found)
    assert longest <= binfmt.PATH


def test_what_is_never_run_here_is_told() -> None:
    wanted = Desired(platforms=("linux/amd64", "windows/amd64", "linux/amd64/v3"))
    where = endpoints.Endpoint("default", "unix:///var/run/docker.sock", "default")
    found = facts.Facts(
        where, info.NONE, "", flags=(), daemon_json="", prior=False, native=LEVEL_2, entries={}, mounted=True
    )
    windows, third = told(wanted, found)
    assert windows == "windows/amd64 is build-only: no emulator runs it"
    assert "this CPU does not do it" in third


def test_whether_the_cpu_runs_its_32_bit_family_is_tried_where_it_matters(tmp_path: Path) -> None:
    arm_on_arm64 = System(str(tmp_path), {}, machine="aarch64")
    foreign = table.family("aarch64")
    assert foreign == "arm"
    assert machine.native(arm_on_arm64, {}, ("linux/arm64",)) == ("linux/arm64",)
    tried = machine.native(arm_on_arm64, {}, ("linux/arm/v7",))  # the machine that runs the tests may run arm or not
    assert ("linux/arm/v7" in tried) is (arm_on_arm64.runs([elf.program("arm")])[0].status == 0)


LINES = (
    ":WSLInterop:M::MZ::/init:PF",
    ":jar:E::jar::/usr/bin/jexec:",
    ":qemu-arm:M:0:\\x7f\\x45\\x4c\\x46:\\xff\\xff\\xff\\x00:/usr/bin/qemu-arm:POCF",
)


@pytest.mark.parametrize("line", LINES)
def test_an_entry_s_line_says_what_the_entry_is(line: str) -> None:
    rule = binfmt.parse_rule(line)
    entry = binfmt.Entry(True, rule.interpreter, rule.flags, rule.offset, rule.magic, rule.mask, rule.extension)
    assert binfmt.parse_rule(binfmt.line(rule.name, entry)) == rule


def test_a_path_with_a_colon_gets_another_delimiter() -> None:
    entry = binfmt.Entry(True, "/a:b", "F", 0, b"MZ", b"\xff\xff")
    assert binfmt.parse_rule(binfmt.line("x", entry)).interpreter == "/a:b"


def test_what_is_no_longer_wanted_is_named_like_a_platform_or_a_version_of_qemu() -> None:
    assert keys.words(Key("", keys.REGISTERED, "s390x")) == "linux/s390x"
    assert keys.words(Key("", keys.COPIED, "qemu-v10.0.4")) == "QEMU qemu-v10.0.4"
    assert keys.words(Key("linux/arm64", keys.AT_BOOT)) == "linux/arm64 at boot"
    assert keys.words(keys.TABLE) == "binfmt_misc"
