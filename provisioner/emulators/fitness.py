"""Checks whether a program can be an emulator: root hands every user's programs to it. Also reads QEMU's version."""

from provisioner.engine.info import version
from provisioner.model import Reader
from provisioner.platforms import elf

ARGV0 = ((5, 12), (6,))  # the first Linux and QEMU with which an emulator sees that its entry has the P flag


def unfit(host: Reader, path: str) -> str | None:
    """Return why a program cannot be an interpreter; None if it can."""
    found = host.stat(path)
    if found is None or found.directory:
        return f"{path} is gone"
    if not found.mode & 0o111:
        return f"{path} is not executable"
    if open_to_others := host.changeable(path):
        return f"{open_to_others} can be changed by others than root"
    head = host.head(path, elf.HEAD)
    if head is None or elf.machine(head) is None:
        return f"{path} is not a program"
    if elf.needs_interpreter(head):
        return f"{path} is dynamically linked, so it fails in containers"
    return None


def takes_argv0(host: Reader, number: tuple[int, ...] | None) -> bool:
    """Return whether this QEMU version on this kernel keeps argv[0] with the P flag. Unknown counts as no."""
    kernel = version((host.read("/proc/sys/kernel/osrelease") or "").strip())
    return kernel is not None and number is not None and kernel >= ARGV0[0] and number >= ARGV0[1]


def qemu(host: Reader, path: str) -> str:
    """Return the version that a QEMU reports, such as ``10.0.4``.

    Returns:
        The version, or an empty string if it is unknown. On an image that is not running, no program is started.
    """
    if host.asleep:
        return ""
    words = host.ask(path, "--version").stdout.partition("\n")[0].split()
    return words[words.index("version") + 1] if "version" in words[:-1] else ""
