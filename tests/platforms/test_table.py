"""The table of platforms: names, and what runs natively."""

import pytest

from provisioner.platforms import elf, table

EVERY = tuple(table.PLATFORMS.values())
EMULATED = tuple(p for p in EVERY if not p.build_only)

SAME = [
    ("linux/arm64", "linux/arm64"),
    ("arm64", "linux/arm64"),
    ("arm64/v8", "linux/arm64"),
    ("linux/arm64/v8", "linux/arm64"),
    ("linux/arm64/8", "linux/arm64"),
    ("aarch64", "linux/arm64"),
    ("Linux/AArch64", "linux/arm64"),
    (" linux/arm64\n", "linux/arm64"),
    ("linux/x86_64", "linux/amd64"),
    ("x86-64", "linux/amd64"),
    ("amd64/v1", "linux/amd64"),
    ("linux/amd64/v3", "linux/amd64/v3"),
    ("i386", "linux/386"),
    ("i686", "linux/386"),
    ("mips64el", "linux/mips64le"),
    ("386", "linux/386"),
    ("arm", "linux/arm/v7"),
    ("linux/arm", "linux/arm/v7"),
    ("arm/7", "linux/arm/v7"),
    ("arm/v6", "linux/arm/v6"),
    ("linux/arm/5", "linux/arm/v5"),
    ("armhf", "linux/arm/v7"),
    ("armel", "linux/arm/v6"),
    ("ppc64el", "linux/ppc64le"),
    ("loongarch64", "linux/loong64"),
    ("macos/arm64", "darwin/arm64"),
    ("windows/amd64", "windows/amd64"),
]

NO_PLATFORM = ["", "linux", "linux/", "/", "arm/v4", "arm64/v9", "linux/amd64/v5", "linux/arm64/v8/x", "riscv64/v1"]
NO_PLATFORM += [
    "s390",
    "linux/sparc64",
    "windows",
    "windows/s390x",
    "linux/amd64,linux/arm64",
    "linux\\amd64",
    "línux/amd64",
]


@pytest.mark.parametrize(("given", "name"), SAME)
def test_every_common_spelling_gives_the_name_that_docker_uses(given: str, name: str) -> None:
    assert table.normalise(given) == name


@pytest.mark.parametrize("given", NO_PLATFORM)
def test_what_is_no_platform_is_named_in_one_sentence(given: str) -> None:
    with pytest.raises(ValueError, match="is not a platform") as error:
        table.normalise(given)
    assert repr(given) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("row", EVERY, ids=lambda p: p.name)
def test_the_name_of_a_row_is_already_normal(row: table.Platform) -> None:
    assert table.of(row.name) is row


@pytest.mark.parametrize("row", EMULATED, ids=lambda p: p.name)
def test_magic_and_mask_fit_the_probe_of_the_architecture_and_no_other(row: table.Platform) -> None:
    def masked(data: bytes) -> bytes:
        return bytes(a & m for a, m in zip(data[:20], row.mask, strict=True))

    matching = [a for a in elf.ARCHITECTURES if masked(elf.program(a)) == masked(row.magic)]
    assert matching == [row.architecture]
    assert elf.program(row.architecture)[:20] == row.magic


def test_every_probe_proves_a_platform() -> None:
    assert {p.architecture for p in EMULATED} == set(elf.ARCHITECTURES)


def test_what_nobody_emulates_is_build_only() -> None:
    assert {"windows/amd64", "windows/arm64", "linux/ppc64", "linux/amd64/v4"} <= {
        p.name for p in EVERY if p.build_only
    }
    assert all(not p.magic and not p.mask for p in EVERY if p.build_only)


def test_an_amd64_kernel_runs_386_unless_it_was_seen_not_to() -> None:
    assert table.native("x86_64") == ("linux/amd64", "linux/386")
    assert table.native("x86_64", compat=False) == ("linux/amd64",)


def test_an_arm64_kernel_runs_arm_only_if_it_was_seen_to() -> None:
    assert table.native("aarch64") == ("linux/arm64",)
    assert table.native("aarch64", compat=True) == ("linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5")


@pytest.mark.parametrize(("machine", "names"), [
    ("armv7l", ("linux/arm/v7", "linux/arm/v6", "linux/arm/v5")),
    ("armv6l", ("linux/arm/v6", "linux/arm/v5")),
    ("i686", ("linux/386",)),
    ("s390x", ("linux/s390x",)),
    ("ppc64", ("linux/ppc64",)),
    ("vax", ()),
])  # fmt: skip
def test_a_machine_runs_its_own_platforms(machine: str, names: tuple[str, ...]) -> None:
    assert table.native(machine) == names
    assert set(names) <= set(table.PLATFORMS)


TWO = "cx16 lahf_lm pni popcnt sse4_1 sse4_2 ssse3"
THREE = "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"
FOUR = "avx512bw avx512cd avx512dq avx512f avx512vl"


@pytest.mark.parametrize(("flags", "highest"), [
    ("fpu sse2", "linux/amd64"),
    (TWO, "linux/amd64/v2"),
    (f"{TWO} {THREE}", "linux/amd64/v3"),
    (f"{TWO} {THREE} {FOUR}", "linux/amd64/v4"),
    (f"{THREE} {FOUR}", "linux/amd64"),
    (f"{TWO} {FOUR}", "linux/amd64/v2"),
])  # fmt: skip
def test_the_flags_of_the_cpu_give_the_highest_level_of_amd64(flags: str, highest: str) -> None:
    cpuinfo = f"processor\t: 0\nvendor_id\t: x\nflags\t\t: {flags}\nbugs\t\t:\n\nprocessor\t: 1\nflags\t\t: none\n"
    assert table.native("x86_64", table.cpu_flags(cpuinfo), compat=False)[-1] == highest


def test_a_cpu_without_flags_has_none() -> None:
    assert table.cpu_flags("processor\t: 0\nFeatures\t: fp asimd\n") == frozenset()
