"""The kernel module binfmt_misc: whether the kernel has it, whether it is installed, and whether it may be loaded."""

from collections.abc import Iterator

from provisioner.emulators.unit import CONTAINER
from provisioner.model import Reader

NAME = "binfmt_misc"
FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
PARAMETERS = ("modprobe.blacklist", "module_blacklist")  # of the kernel's command line
LOADERS = ("modprobe", "insmod")  # an `install` line without one of these does not load the module


def release(host: Reader) -> str:
    """Return the kernel release, as ``uname -r`` prints it."""
    return (host.read("/proc/sys/kernel/osrelease") or "").strip()


def known(host: Reader) -> bool:
    """Return whether the kernel has the file system now, built in or as a loaded module."""
    return NAME in (host.read("/proc/filesystems") or "").split()


def installed(host: Reader, number: str) -> bool:
    """Return whether the module of a kernel release is installed, or built in."""
    return any(_listed(host, number, kind) for kind in ("dep", "builtin"))


def forbidden(host: Reader) -> str:
    """Return what keeps the kernel from loading the module at boot; empty if nothing does, or if it is built in.

    A mount asks the kernel for the module, and the kernel asks modprobe, which then obeys ``blacklist``.
    ``modprobe binfmt_misc`` ignores that word. So the table may be mounted now and missing after the next boot.
    """
    if host.stat(CONTAINER) is not None:  # the machine outside loads modules
        return ""
    found = next(_prohibitions(host), "")
    return "" if found and _listed(host, release(host), "builtin") else found


def _prohibitions(host: Reader) -> Iterator[str]:
    for word in (host.read("/proc/cmdline") or "").split():
        name, _, value = word.partition("=")
        if name in PARAMETERS and NAME in value.split(","):
            yield f"the kernel's command line says {word}"
    files: dict[str, str] = {}
    for folder in FOLDERS:  # a file hides one of the same name in a later folder
        for name in host.names(folder):
            if name.endswith(".conf"):
                files.setdefault(name, f"{folder}/{name}")
    for path in files.values():
        for line in (host.read(path) or "").replace("\\\n", " ").splitlines():
            command, *words = line.split() or [""]
            if words[:1] and words[0].replace("-", "_") == NAME and _refuses(command, words[1:]):
                yield f"{path} says {' '.join((command, *words))}"


def _refuses(command: str, words: list[str]) -> bool:
    loads = any(loader in word for loader in LOADERS for word in words)
    return command == "blacklist" or (command == "install" and not loads)


def _listed(host: Reader, number: str, kind: str) -> bool:
    folders = (f"/lib/modules/{number}", f"/usr/lib/modules/{number}")
    return any(f"/{NAME}.ko" in (host.read(f"{folder}/modules.{kind}") or "") for folder in folders)
