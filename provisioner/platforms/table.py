"""The table of platforms: Docker's name, how the kernel knows the programs, who emulates them, what runs natively.

Magic and mask are those of tonistiigi/binfmt and of QEMU's own qemu-binfmt-conf.sh: the first 20 bytes of an ELF
executable, and which bits of them count. Names follow containerd's rules for platforms. Nothing here looks at a host.
"""

from collections.abc import Collection, Iterator

from provisioner.typed import NamedTuple


class Platform(NamedTuple):
    """One row. ``emulator`` is the name of QEMU's program and of its binfmt_misc entry; None: no emulator runs it.

    ``architecture`` names the probe that proves the platform (``elf.program``). It proves the architecture, not the
    variant: an image for arm/v5 and one for arm/v7 start with the same 20 bytes and run under the same emulator.
    """

    name: str
    architecture: str
    emulator: str | None = None
    magic: bytes = b""
    mask: bytes = b""

    @property
    def build_only(self) -> bool:
        """No emulator runs it: a build can make it, but not RUN anything on a CPU that does not do so natively."""
        return self.emulator is None


# architecture: QEMU's name, magic, mask
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

# amd64's levels two and three are emulated by QEMU 7.2 and later; the fourth, AVX-512, by none.
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

# uname -m: what every such machine runs. Of MIPS the kernel says mips64 for both byte orders; the host adds "el".
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

# x86-64 psABI's levels, in /proc/cpuinfo's words (pni is SSE3, abm is LZCNT). Each level needs those before it, too.
_LEVELS = {
    "linux/amd64/v2": "cx16 lahf_lm pni popcnt sse4_1 sse4_2 ssse3",
    "linux/amd64/v3": "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave",
    "linux/amd64/v4": "avx512bw avx512cd avx512dq avx512f avx512vl",
}


def normalise(name: str) -> str:
    """The name of a row: ``aarch64``, ``arm64/v8``, ``linux/arm64`` -> ``linux/arm64``. ValueError: there is none.

    containerd's rules for what is here: any case, ``arm`` is v7, ``armel`` is arm/v6, arm64's v8 and amd64's v1 go
    without saying. The names of uname and Debian count, too. The system may be left out; it is linux then. Variants
    that no engine builds for by default, arm/v8 and arm64/v9, have no row.
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
        raise ValueError(f"{name!r} is no platform (os/architecture[/variant], such as linux/arm64 or linux/arm/v7)")
    return found


def of(name: str) -> Platform:
    """The row of a platform, by any name that ``normalise`` takes. ValueError: there is none."""
    return PLATFORMS[normalise(name)]


def family(machine: str) -> str | None:
    """The architecture whose programs a machine may run beside its own: 386 on amd64, arm on arm64."""
    names = _COMPAT.get(machine, "").split()
    return PLATFORMS[names[0]].architecture if names else None


def emulated(row: Platform, native: Collection[str]) -> bool:
    """Whether an emulator is what runs a platform on a host whose CPU runs ``native``.

    Never where the CPU runs another variant of the architecture: a registered emulator gets every program of it, so
    that amd64/v3 on a CPU of level 2 would put the host itself under emulation.
    """
    own = {PLATFORMS[name].architecture for name in native}
    return row.name not in native and not row.build_only and row.architecture not in own


def build_only(row: Platform, native: Collection[str]) -> bool:
    """Whether a platform can be built for on such a host, and never run."""
    return row.name not in native and not emulated(row, native)


def native(machine: str, cpu_flags: Collection[str] = (), *, compat: bool | None = None) -> tuple[str, ...]:
    """What a CPU runs without an emulator, as names of rows; empty for a machine that we do not know.

    ``machine`` is what ``uname -m`` says, ``cpu_flags`` come from /proc/cpuinfo and matter for amd64's levels only.

    ``compat``: whether the kernel runs the 32-bit programs of the family, 386 on amd64 and arm on arm64. Every common
    amd64 kernel does, many arm64 CPUs have no 32-bit mode: None, not known, counts as yes there and as no here. To
    know, run the probe of the architecture (``elf.program``) while no binfmt_misc entry serves it: Exec format error is
    a no. Where an entry does serve it, ``setarch linux32 true`` fails on arm64 CPUs that have no 32-bit mode.
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
    """What ``uname -m`` says on a machine of an architecture; None: not known."""
    return next((m for m, names in _NATIVE.items() if names.split()[0].split("/")[1] == architecture), None)


def each_architecture() -> tuple[str, ...]:
    """A platform of each architecture that can be emulated: the first, which is the most common one."""
    first = {row.architecture: row.name for row in reversed(PLATFORMS.values()) if not row.build_only}
    return tuple(name for name in PLATFORMS if name in first.values())


def cpu_flags(cpuinfo: str) -> frozenset[str]:
    """The flags of the first CPU in the text of /proc/cpuinfo."""
    for line in cpuinfo.split("\n"):
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return frozenset(value.split())
    return frozenset()
