"""What this machine runs: by its CPU, and by the entries of the kernel's binfmt_misc table."""

import functools
from collections.abc import Collection

from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.platforms import binfmt, elf, table
from provisioner.platforms.binfmt import Entry
from provisioner.typed import NamedTuple

BINFMT = "/proc/sys/fs/binfmt_misc"
BINFMT_D = "/etc/binfmt.d"
OURS = "zz-provisioner-"  # sorts behind the distribution's files: of two rules for one name, the later one counts


def native(host: Reader, registered: dict[str, Entry], asked: Collection[str]) -> tuple[str, ...]:
    """The platforms that the CPU runs by itself: what ``uname`` says, and of those that are asked for what was seen.

    ``uname`` may lie (setarch, a 32-bit personality), and does not know of a CPU's or kernel's 32-bit half. An emulator
    for what the CPU runs would get the host's own programs.
    """
    cpu = host.head("/proc/cpuinfo", 8192) or b""  # the first CPU: all of them, on a large host, take a while
    flags = table.cpu_flags(cpu.decode("ascii", "replace"))
    known = {table.of(name).architecture for name in table.native(host.machine, compat=False)}
    foreign = {row.architecture for row in map(table.of, asked) if not row.build_only} - known
    runs = _runs(host, tuple(a for a in sorted(foreign) if _free(registered, a)))
    names = dict.fromkeys(table.native(host.machine, flags, compat=runs.get(table.family(host.machine) or "")))
    for architecture in (a for a, does in runs.items() if does):
        names |= dict.fromkeys(table.native(table.machine(architecture) or "", flags, compat=False))
    return tuple(names)


def _free(registered: dict[str, Entry], architecture: str) -> bool:
    """Whether no entry is in the way of a program with the mark; one with a short magic may be."""
    program = elf.unserved(architecture)
    return not any(e.enabled and binfmt.serves(e.magic, e.mask, e.offset, program) for e in registered.values())


@functools.lru_cache
def _runs(host: Reader, architectures: tuple[str, ...]) -> dict[str, bool]:
    """Whether the CPU and the kernel run each architecture. No emulator is in the way, and neither of them changes."""
    ran = host.runs([elf.unserved(a) for a in architectures]) if architectures else ()
    return {a: r.status == 0 and r.stdout.splitlines()[-1:] == [a] for a, r in zip(architectures, ran, strict=True)}


class KernelTable(NamedTuple):
    """The kernel's table: its entries by name, whether it is mounted, and why it cannot be looked at, if it cannot."""

    entries: dict[str, Entry]
    mounted: bool
    unseen: str = ""


def look(host: Reader) -> KernelTable:
    """Look at the kernel's table. Whoever runs a container may keep it even from that container's root."""
    try:
        return KernelTable(_entries(host), host.stat(f"{BINFMT}/status") is not None)
    except DeniedError as e:
        return KernelTable({}, mounted=True, unseen=e.message)


def _entries(host: Reader) -> dict[str, Entry]:
    """The entries by name, in the order of their names."""
    found = {}
    for name in host.names(BINFMT):
        if name not in ("register", "status"):
            text = host.read(f"{BINFMT}/{name}")
            if text is not None:  # else it went away meanwhile
                found[name] = binfmt.parse_entry(text)
    return found


def ours(host: Reader) -> dict[str, str]:
    """The architectures whose emulators a file of ours registers at boot, each with its interpreter."""
    names = [n for n in host.names(BINFMT_D) if n.startswith(OURS) and n.endswith(".conf")]
    rules = {n: binfmt.parse_rules(host.read(f"{BINFMT_D}/{n}") or "") for n in names}
    return {
        n.removeprefix(OURS).removesuffix(".conf"): found[-1].interpreter if found else "" for n, found in rules.items()
    }


def probes(host: Reader, asked: Collection[str]) -> tuple[bytes, ...]:
    """The programs that show whether the emulators of some platforms work, one for each architecture."""
    by_itself = native(host, look(host).entries, asked)
    found = (row.architecture for row in map(table.of, asked) if table.emulated(row, by_itself))
    return tuple(elf.program(architecture) for architecture in dict.fromkeys(found))
