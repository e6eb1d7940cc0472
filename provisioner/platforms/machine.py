"""What this machine runs: by its CPU, and by the entries of the kernel's binfmt_misc table."""

from collections.abc import Collection

from provisioner.model import Reader
from provisioner.platforms import binfmt, elf, table
from provisioner.platforms.binfmt import Entry

BINFMT = "/proc/sys/fs/binfmt_misc"
BINFMT_D = "/etc/binfmt.d"
OURS = "zz-provisioner-"  # sorts behind the distribution's files: of two rules for one name, the later one counts


def native(host: Reader, registered: dict[str, Entry], asked: Collection[str]) -> tuple[str, ...]:
    """The platforms that the CPU runs by itself. Whether that includes the 32-bit family is tried where it matters."""
    cpu = host.head("/proc/cpuinfo", 8192) or b""  # the first CPU: all of them, on a large host, take a while
    family = table.family(host.machine)
    runs: bool | None = None
    if family and any(table.of(p).architecture == family for p in asked):
        program = elf.program(family)
        if not any(e.enabled and binfmt.serves(e.magic, e.mask, e.offset, program) for e in registered.values()):
            runs = host.runs([program])[0].status == 0
    return table.native(host.machine, table.cpu_flags(cpu.decode("ascii", "replace")), compat=runs)


def entries(host: Reader) -> dict[str, Entry]:
    """The entries of the kernel's table by name, in the order of their names."""
    found = {}
    for name in host.names(BINFMT):
        if name not in ("register", "status"):
            text = host.read(f"{BINFMT}/{name}")
            if text is not None:  # else it went away meanwhile
                found[name] = binfmt.parse_entry(text)
    return found


def ours(host: Reader) -> frozenset[str]:
    """The architectures whose emulators a file of ours registers at boot."""
    names = (n.removesuffix(".conf") for n in host.names(BINFMT_D) if n.startswith(OURS) and n.endswith(".conf"))
    return frozenset(n.removeprefix(OURS) for n in names)


def probes(host: Reader, asked: Collection[str]) -> tuple[bytes, ...]:
    """The programs that show whether the emulators of some platforms work, one for each architecture."""
    by_itself = native(host, entries(host), asked)
    found = (row.architecture for row in map(table.of, asked) if table.emulated(row, by_itself))
    return tuple(elf.program(architecture) for architecture in dict.fromkeys(found))
