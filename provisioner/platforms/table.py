"""The table of platforms: Docker's name, the ELF magic, the emulator, and what runs natively.

Magic and mask come from tonistiigi/binfmt and QEMU's qemu-binfmt-conf.sh: the first 20 bytes of an ELF executable, and
which of their bits count. Names follow containerd's rules for platforms. Nothing in this module accesses a host.
"""

from collections.abc import Collection, Iterator

from provisioner.typed import NamedTuple


class Platform(NamedTuple):
    """One platform. ``emulator`` names QEMU's program and its binfmt_misc entry; None means that no emulator runs it.

    ``architecture`` names the test program for the platform (``elf.program``). It proves the architecture but not the
    variant: images for arm/v5 and arm/v7 start with the same 20 bytes and run under the same emulator.
    """

    name: str
    architecture: str
    emulator: str | None = None
    magic: bytes = b""
    mask: bytes = b""

    @property
    def build_only(self) -> bool:
        """Whether no emulator runs it. A build for it cannot use RUN unless the CPU runs it natively."""
        return self.emulator is None


# Architecture: QEMU's name, magic, mask.
_EMULATED = {
    "amd64": ("x86_64", "7f454c4602010100000000000000000002003e00", "fffffffffffefe00fffffffffffffffffeffffff"),
    "arm64": ("aarch64", "7f454c460201010000000000000000000200b700", "ffffffffffffff00fffffffffffffffffeffffff"),
    "arm": ("arm", "7f454c4601010100000000000000000002002800", "ffffffffffffff00fffffffffffffffffeffffff"),
    "386": ("i386", "7f454c4601010100000000000000000002000300", "fffffffffffefe00fffffffffffffffffeffffff"),
    "riscv64": ("riscv64", "7f454c460201010000000000000000000200f300", "ffffffffffffff00fffffffffffffffffeffffff"),
    "ppc64le": ("ppc64le", "7f454c4602010100000000000000000002001500", "ffffffffffffff00fffffffffffffffffeffff00"),
    "s390x": ("s390x", "7f454c4602020100000000000000000000020016", "ffffffffffffff00fffffffffffffffffffeffff"),
    "mips64le": ("mips64el", "7f454c4602010100000000000000000002000800", "ffffffffffffff0000fffffffffffffffeffffff"),
    "mips64": ("mips64", "7f454c4602020100000000000000000000020008", "ffffffffffffff0000fffffffffffffffffeffff"),
    "loong64": ("loongarch64", "7f454c4602010100000000000000000002000201", "fffffffffffffffc00fffffffffffffffeffffff"),
}

# QEMU 7.2 and later emulate amd64's levels two and three. No emulator runs the fourth level, AVX-512.
_VARIANTS = {"amd64": ("", "/v2", "/v3"), "arm": ("/v7", "/v6", "/v5")}
_BUILD_ONLY = {
    "linux": "amd64/v4 ppc64 mips mipsle",
    "windows": "amd64 arm64",
    "darwin": "amd64 arm64",
    "freebsd": "amd64 arm64",
    "netbsd": "amd64 arm64",
    "openbsd": "amd64 arm64",
    "wasip1": "wasm",
    "wasi": "wasm",
}


def _rows() -> Iterator[Platform]:
    for architecture, (qemu, magic, mask) in _EMULATED.items():
        for variant in _VARIANTS.get(architecture, ("",)):
            name = f"linux/{architecture}{variant}"
            yield Platform(name, architecture, f"qemu-{qemu}", bytes.fromhex(magic), bytes.fromhex(mask))
    for system, architectures in _BUILD_ONLY.items():
        for architecture in architectures.split():
            yield Platform(f"{system}/{architecture}", architecture.split("/")[0])


PLATFORMS = {row.name: row for row in _rows()}

_SYSTEMS = {name.split("/")[0] for name in PLATFORMS}
_ALIASES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "i386": "386",
    "i686": "386",
    "aarch64": "arm64",
    "armhf": "arm/v7",
    "armel": "arm/v6",
    "ppc64el": "ppc64le",
    "mips64el": "mips64le",
    "loongarch64": "loong64",
}
_IMPLIED = {"arm": "arm/v7", "arm64/v8": "arm64", "amd64/v1": "amd64"}

# What every machine with this ``uname -m`` runs. For MIPS, the kernel says mips64 for both orders; ``host`` adds "el".
_NATIVE = {
    "x86_64": "linux/amd64",
    "i386": "linux/386",
    "i486": "linux/386",
    "i586": "linux/386",
    "i686": "linux/386",
    "aarch64": "linux/arm64",
    "armv8l": "linux/arm/v7 linux/arm/v6 linux/arm/v5",
    "armv7l": "linux/arm/v7 linux/arm/v6 linux/arm/v5",
    "armv6l": "linux/arm/v6 linux/arm/v5",
    "armv5tel": "linux/arm/v5",
    "armv5tejl": "linux/arm/v5",
    "riscv64": "linux/riscv64",
    "ppc64le": "linux/ppc64le",
    "ppc64": "linux/ppc64",
    "s390x": "linux/s390x",
    "mips64el": "linux/mips64le",
    "mips64": "linux/mips64",
    "loongarch64": "linux/loong64",
}
_COMPAT = {"x86_64": "linux/386", "aarch64": "linux/arm/v7 linux/arm/v6 linux/arm/v5"}

# The levels of the x86-64 psABI, in the words of /proc/cpuinfo (pni is SSE3, abm is LZCNT). Each level also needs the
# flags of the levels before it.
_LEVELS = {
    "linux/amd64/v2": "cx16 lahf_lm pni popcnt sse4_1 sse4_2 ssse3",
    "linux/amd64/v3": "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave",
    "linux/amd64/v4": "avx512bw avx512cd avx512dq avx512f avx512vl",
}


def normalise(name: str) -> str:
    """Return the name of a platform's row: ``aarch64``, ``arm64/v8``, ``linux/arm64`` -> ``linux/arm64``.

    The rules are containerd's: case does not matter, ``arm`` is v7, ``armel`` is arm/v6, arm64's v8 and amd64's v1 are
    implied. The names of uname and Debian also work. The system is optional and defaults to linux. Variants that no
    engine builds for by default, arm/v8 and arm64/v9, have no row.

    Raises: ValueError if there is no such platform.
    """
    text = name.strip().lower()
    system, _, rest = text.partition("/")
    system = "darwin" if system == "macos" else system
    if system not in _SYSTEMS:
        system, rest = "linux", text
    architecture, _, variant = rest.partition("/")
    architecture, _, implied = _ALIASES.get(architecture, architecture).partition("/")
    variant = implied or (f"v{variant}" if variant.isdigit() else variant)
    full = f"{architecture}/{variant}" if variant else architecture
    found = f"{system}/{_IMPLIED.get(full, full)}"
    if found not in PLATFORMS:
        raise ValueError(f"{name!r} is not a platform (os/architecture[/variant], such as linux/arm64 or linux/arm/v7)")
    return found


def of(name: str) -> Platform:
    """Return the row of a platform, by any name that ``normalise`` accepts.

    Raises: ValueError if there is no such platform.
    """
    return PLATFORMS[normalise(name)]


def family(machine: str) -> str | None:
    """Return the architecture that a machine may run besides its own: 386 on amd64, arm on arm64."""
    names = _COMPAT.get(machine, "").split()
    return PLATFORMS[names[0]].architecture if names else None


def emulated(row: Platform, native: Collection[str]) -> bool:
    """Whether a host whose CPU runs ``native`` needs an emulator to run a platform.

    If the CPU runs another variant of the architecture, the result is False. A registered emulator receives every
    program of its architecture, so an emulator for amd64/v3 on a CPU of level 2 would emulate the host itself.
    """
    own = {PLATFORMS[name].architecture for name in native}
    return row.name not in native and not row.build_only and row.architecture not in own


def build_only(row: Platform, native: Collection[str]) -> bool:
    """Whether such a host can build for a platform but never run it."""
    return row.name not in native and not emulated(row, native)


def native(machine: str, cpu_flags: Collection[str] = (), *, compat: bool | None = None) -> tuple[str, ...]:
    """Return the platforms that a CPU runs without an emulator, as names of rows. Empty for an unknown machine.

    ``machine`` is the output of ``uname -m``. ``cpu_flags`` come from /proc/cpuinfo and matter only for amd64's levels.

    ``compat`` says whether the kernel runs the 32-bit programs of the family: 386 on amd64, arm on arm64. None means
    unknown. It counts as True on amd64, where every common kernel runs them, and as False on arm64, where many CPUs
    have no 32-bit mode.

    To find out, run the test program of the architecture (``elf.program``) while no binfmt_misc entry matches it: "Exec
    format error" means no. If an entry matches it, ``setarch linux32 true`` fails on arm64 CPUs without a 32-bit mode.
    """
    names = _NATIVE.get(machine, "").split()
    if machine == "x86_64":
        for level, flags in _LEVELS.items():
            if not set(flags.split()) <= set(cpu_flags):
                break
            names.append(level)
    if compat or (compat is None and machine == "x86_64"):
        names += _COMPAT.get(machine, "").split()
    return tuple(names)


def machine(architecture: str) -> str | None:
    """Return the output of ``uname -m`` on a machine of an architecture, or None if unknown."""
    return next((m for m, names in _NATIVE.items() if names.split()[0].split("/")[1] == architecture), None)


def each_architecture() -> tuple[str, ...]:
    """Return one platform per architecture that can be emulated: the first one, which is the most common."""
    first = {row.architecture: row.name for row in reversed(PLATFORMS.values()) if not row.build_only}
    return tuple(name for name in PLATFORMS if name in first.values())


def cpu_flags(cpuinfo: str) -> frozenset[str]:
    """Return the flags of the first CPU in the text of /proc/cpuinfo."""
    for line in cpuinfo.split("\n"):
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return frozenset(value.split())
    return frozenset()
