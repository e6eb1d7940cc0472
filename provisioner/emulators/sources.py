"""Where an emulator for a platform is to come from: on this host already, out of an image, out of a package.

Each source looks, and says what it would take; nothing is fetched here.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from provisioner.config.desired import Desired
from provisioner.emulators import copied, emulated, packages
from provisioner.emulators.copy_out import CopyOut
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.platforms import elf
from provisioner.platforms.table import Platform
from provisioner.steps import Step
from provisioner.steps.programs import Run

INSTALLED = ("/usr/bin/{}-static", "/usr/bin/{}")  # Debian 12 and before, Fedora, Arch; Debian 13 and later, SUSE
HEAD = 4096  # bytes: an ELF header and its program headers


class Program(NamedTuple):
    """An interpreter: its path, whether it wants the P flag, and what has to bring it: nothing, image or package."""

    path: str
    preserve_argv0: bool = False
    brought_by: str = ""


Answer = Program | str | None  # a program; why the one that is there will not do; nothing there
Source = Callable[[Reader, Facts, Desired, Platform], Answer]


def find(host: Reader, facts: Facts, desired: Desired, row: Platform) -> Program | str:
    """The first program that a source has for a platform, and otherwise why there is none."""
    reasons = []
    for source in SOURCES[desired.emulators.source]:
        found = source(host, facts, desired, row)
        if isinstance(found, Program):
            return found
        reasons += [found] if found else []
    return reasons[0] if reasons else f"there is no static {row.emulator} on this host"


def steps(host: Reader, facts: Facts, desired: Desired, found: dict[str, Program]) -> tuple[Step, ...]:
    """What brings the programs that are not there yet, by QEMU's names: one copy, one call of the package manager."""
    made: list[Step] = []
    copied = sorted(name for name, p in found.items() if p.brought_by == "image")
    if copied:
        image, wants_p = desired.emulators.image, found[copied[0]].preserve_argv0
        made.append(CopyOut(facts.socket, image, tuple(copied), emulated.folder(image), wants_p))
    packaged = sorted(name for name, p in found.items() if p.brought_by == "package")
    row = packages.of(host)
    if packaged and row:
        wanted = tuple(dict.fromkeys(row.package.format(name) for name in packaged))
        made += [Run(row.refresh, timeout=packages.SECONDS)] if row.refresh else []
        undo = Run((*row.remove, *wanted), timeout=packages.SECONDS)
        made.append(Run((*row.install, *wanted), undo=(undo,), timeout=packages.SECONDS))
    return tuple(made)


def unfit(host: Reader, path: str) -> str | None:
    """Why a program cannot be an interpreter; None: it can."""
    found = host.stat(path)
    if found is None or found.directory:
        return f"{path} is gone"
    if not found.mode & 0o111:
        return f"{path} is not executable"
    folder = host.stat(path.rpartition("/")[0] or "/")
    for status, what in ((found, path), (folder, path.rpartition("/")[0])):
        if status and (status.uid not in (0, host.uid) or (status.mode & 0o022 and not status.mode & 0o1000)):
            return f"{what} can be changed by others than root"
    head = host.head(path, HEAD)
    if head is None or elf.machine(head) is None:
        return f"{path} is no program"
    if elf.needs_interpreter(head):
        return f"{path} is dynamically linked, so it fails in containers"
    return None


def _first(host: Reader, *paths: str) -> Answer:
    reasons = [unfit(host, path) for path in paths if host.stat(path)]
    fit = [path for path in paths if host.stat(path) and unfit(host, path) is None]
    return Program(fit[0]) if fit else next(filter(None, reasons), None)


def _directory(host: Reader, _: Facts, desired: Desired, row: Platform) -> Answer:
    folder = desired.emulators.directory
    if not folder:
        return None
    return _first(host, f"{folder}/{row.emulator}", f"{folder}/{row.emulator}-static") or (
        f"there is no static {row.emulator} in {folder}"
    )


def _copied(host: Reader, _: Facts, desired: Desired, row: Platform) -> Answer:
    """A program that an earlier copy has brought, while it is what it was."""
    folder = emulated.folder(desired.emulators.image)
    found = copied.manifest(host, folder)
    path = f"{folder}/{row.emulator}"
    digest = found.get("programs", {}).get(row.emulator)
    data = host.head(path, -1) if digest else None
    if data is None or hashlib.sha256(data).hexdigest() != digest or unfit(host, path):
        return None
    return Program(path, bool(found.get("preserve_argv0")))


def _local_image(host: Reader, facts: Facts, desired: Desired, row: Platform) -> Answer:
    image = desired.emulators.image
    there = copied.local(host, facts.socket, image) if facts.socket and not facts.hidden else None
    if there is None:
        return None
    return Program(f"{emulated.folder(image)}/{row.emulator}", there.preserve_argv0, "image")


def _installed(host: Reader, _: Facts, __: Desired, row: Platform) -> Answer:
    return _first(host, *(t.format(row.emulator) for t in INSTALLED))


def _offered(host: Reader, facts: Facts, desired: Desired, row: Platform) -> Answer:
    """As ``_pulled``, where a registry has the image: with another source to fall back on, one asks before."""
    image = desired.emulators.image
    if facts.socket and not copied.offered(host, facts.socket, image):
        return f"no registry that the engine reaches has {image}"
    return _pulled(host, facts, desired, row)


def _pulled(_: Reader, facts: Facts, desired: Desired, row: Platform) -> Answer:
    """Out of an image that is not here yet. tonistiigi's want the P flag; the copy looks whether this one does."""
    if not facts.socket:
        return "no engine is here to pull an image with"
    return Program(f"{emulated.folder(desired.emulators.image)}/{row.emulator}", True, "image")


def _packaged(host: Reader, _: Facts, __: Desired, row: Platform) -> Answer:
    found = packages.of(host)
    return Program(found.path.format(row.emulator), False, "package") if found else "no package manager is known here"


SOURCES: dict[str, tuple[Source, ...]] = {
    "auto": (_directory, _copied, _local_image, _installed, _offered, _packaged),
    "image": (_copied, _local_image, _pulled),
    "package": (_installed, _packaged),
    "directory": (_directory,),
}
