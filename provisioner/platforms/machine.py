"""Find out which platforms this machine runs, by its CPU and by the entries of the kernel's binfmt_misc table."""

import functools
from collections.abc import Collection

from provisioner.errors import DeniedError, ProvisionerError
from provisioner.model import Reader
from provisioner.platforms import binfmt, elf, table
from provisioner.platforms.binfmt import Entry
from provisioner.typed import NamedTuple

BINFMT = "/proc/sys/fs/binfmt_misc"
BINFMT_D = "/etc/binfmt.d"
EVERY_ID = ["0", "0", "4294967295"]  # /proc/self/uid_map outside of any user namespace
ONE_ID = "1"  # the number of users there, in a sandbox that somebody without rights has made (unshare --map-root-user)
# Sorts after the distribution's files: if two rules have the same name, the later one counts.
OURS = "zz-provisioner-"
VERSIONS = "/usr/local/lib/provisioner/qemu"  # one directory for each version that was copied out of an image


def native(host: Reader, registered: dict[str, Entry], asked: Collection[str]) -> tuple[str, ...]:
    """Return the platforms that the CPU runs natively, from ``uname`` and from test runs of the ``asked`` platforms.

    ``uname`` may be wrong (setarch, a 32-bit personality), and it does not say whether the CPU and kernel run 32-bit
    programs. An emulator for a native platform would also receive the host's own programs.
    """
    # Read only the first CPU. Reading all CPUs of a large host is slow.
    cpu = host.head("/proc/cpuinfo", 8192) or b""
    flags = table.cpu_flags(cpu.decode("ascii", "replace"))
    known = {table.of(name).architecture for name in table.native(host.machine, compat=False)}
    foreign = {row.architecture for row in map(table.of, asked) if not row.build_only} - known
    runs = _runs(host, tuple(a for a in sorted(foreign) if _free(registered, a)))
    names = dict.fromkeys(table.native(host.machine, flags, compat=runs.get(table.family(host.machine) or "")))
    for architecture in (a for a, does in runs.items() if does):
        names |= dict.fromkeys(table.native(table.machine(architecture) or "", flags, compat=False))
    return tuple(names)


def _free(registered: dict[str, Entry], architecture: str) -> bool:
    """Whether no entry matches the marked test program. An entry with a short magic may match it."""
    program = elf.unserved(architecture)
    return not any(e.enabled and binfmt.serves(e.magic, e.mask, e.offset, program) for e in registered.values())


@functools.lru_cache
def _runs(host: Reader, architectures: tuple[str, ...]) -> dict[str, bool]:
    """Whether the CPU and the kernel run each architecture. No emulator is involved, so the result can be cached."""
    ran = host.runs([elf.unserved(a) for a in architectures]) if architectures else ()
    return {a: r.status == 0 and r.stdout.splitlines()[-1:] == [a] for a, r in zip(architectures, ran, strict=True)}


class KernelTable(NamedTuple):
    """The kernel's table: its entries by name, whether it is mounted, and, if it cannot be read, why not."""

    entries: dict[str, Entry]
    mounted: bool
    unseen: str = ""


def look(host: Reader) -> KernelTable:
    """Read the kernel's table. A container runtime may hide it even from the root user of a container."""
    try:
        return KernelTable(_entries(host), host.stat(f"{BINFMT}/status") is not None)
    except DeniedError as e:
        return KernelTable({}, mounted=True, unseen=e.message)


def _entries(host: Reader) -> dict[str, Entry]:
    """Return the entries by name, sorted by name."""
    found = {}
    for name in host.names(BINFMT):
        if name not in ("register", "status"):
            text = host.read(f"{BINFMT}/{name}")
            if text is not None:  # otherwise it was removed in the meantime
                found[name] = _entry(f"{BINFMT}/{name}", text)
    return found


def _entry(path: str, text: str) -> Entry:
    """Parse an entry. A container's manager may show a table that is not the kernel's own."""
    try:
        return binfmt.parse_entry(text)
    except ValueError as e:
        raise ProvisionerError(
            f"{path}: this is not an entry of the kernel's: {e}", hint=f"see it: cat {path}"
        ) from None


def ours(host: Reader) -> dict[str, str]:
    """Return the architectures whose emulators provisioner's own files register at boot, each with its interpreter."""
    return {
        n.removeprefix(OURS).removesuffix(".conf"): found[-1].interpreter if found else ""
        for n, found in _rules(host).items()
    }


def rules_of_ours(host: Reader) -> tuple[binfmt.Rule, ...]:
    """Return the rules in provisioner's own files."""
    return tuple(rule for found in _rules(host).values() for rule in found)


def _rules(host: Reader) -> dict[str, tuple[binfmt.Rule, ...]]:
    names = [n for n in host.names(BINFMT_D) if n.startswith(OURS) and n.endswith(".conf")]
    return {n: tuple(binfmt.parse_rules(host.read(f"{BINFMT_D}/{n}") or "")) for n in names}


def versions(host: Reader) -> tuple[str, ...]:
    """Return the versions of QEMU that provisioner has copied out of images."""
    return tuple(name for name in host.names(VERSIONS) if host.stat(f"{VERSIONS}/{name}/manifest.json"))


def probes(host: Reader, asked: Collection[str]) -> tuple[bytes, ...]:
    """Return the test programs that show whether the emulators of the platforms work, one per architecture."""
    by_itself = native(host, look(host).entries, asked)
    found = (row.architecture for row in map(table.of, asked) if table.emulated(row, by_itself))
    return tuple(elf.program(architecture) for architecture in dict.fromkeys(found))


def chrooted(host: Reader) -> bool:
    """Return whether this is a chroot: the first process has another root folder, and the same mounts.

    A container that shares the machine's processes has mounts of its own, and may register emulators. So has a service
    with RootDirectory=, and an image builder that has unshared them: nothing tells it from such a container. False also
    means unknown. A sandbox of one user is none of an image builder's, and may have a table of its own.
    """
    try:
        here, there = host.stat("/"), host.stat("/proc/1/root/")
        ids = (host.read("/proc/self/uid_map") or "").split()
    except ProvisionerError:
        return False
    if ids[2:3] in ([], [ONE_ID]) or here is None or there is None or here.inode == there.inode:
        return False
    mounts = host.link("/proc/self/ns/mnt")
    return mounts is not None and mounts == host.link("/proc/1/ns/mnt")
