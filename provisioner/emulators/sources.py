"""Find an emulator for a platform: on this host, in an image, or in a package.

Each source returns what it would use. Nothing is downloaded here.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from provisioner.config.desired import Desired
from provisioner.emulators import copied, files, packages
from provisioner.emulators.copy_out import CopyOut
from provisioner.emulators.fitness import qemu, takes_argv0, unfit
from provisioner.engine.facts import Facts
from provisioner.engine.info import version
from provisioner.model import Reader
from provisioner.platforms.table import Platform
from provisioner.steps import Step

INSTALLED = ("/usr/bin/{}-static", "/usr/bin/{}")  # Debian 12 and before, Fedora, Arch; Debian 13 and later, SUSE


class Program(NamedTuple):
    """An interpreter: its path, whether it requires the P flag, and what brings it (nothing, an image or a package)."""

    path: str
    preserve_argv0: bool = False
    brought_by: str = ""


Answer = Program | str | None  # a program, the reason why the source cannot be used, or None if it has nothing
Source = Callable[[Reader, Facts, Desired, Platform], Answer]


def find(host: Reader, facts: Facts, desired: Desired, row: Platform, *, from_image: bool = False) -> Program | str:
    """Return the first program that a source has for a platform, or the reason why there is none.

    ``from_image`` allows only the image sources of ``auto``, because another version of the image is wanted.
    """
    reasons = []
    for source in UPGRADE if from_image else SOURCES[desired.emulators.source]:
        found = source(host, facts, desired, row)
        if isinstance(found, Program):
            return found
        reasons += [found] if found else []
    return reasons[0] if reasons else f"there is no static {row.emulator} on this host"


def steps(host: Reader, facts: Facts, desired: Desired, found: dict[str, Program]) -> tuple[Step, ...]:
    """Return the steps that bring missing programs, by QEMU's names: one copy, and one call of the package manager."""
    made: list[Step] = []
    copied = sorted(name for name, p in found.items() if p.brought_by == "image")
    if copied:
        image, wants_p = desired.emulators.image, found[copied[0]].preserve_argv0
        made.append(CopyOut(facts.socket, image, tuple(copied), files.folder(image), wants_p))
    packaged = sorted(name for name, p in found.items() if p.brought_by == "package")
    there = packages.of(host)
    if packaged and there:
        made.append(there.manager.step(*dict.fromkeys(there.row.package.format(name) for name in packaged)))
    return tuple(made)


def _first(host: Reader, *paths: str) -> Answer:
    """Return the first program that can be used.

    It keeps argv[0] if possible, because multi-call programs read it.
    """
    reasons = {path: unfit(host, path) for path in paths if host.stat(path)}
    fit = next((path for path, reason in reasons.items() if reason is None), None)
    if fit is None:
        return next(filter(None, reasons.values()), None)
    return Program(fit, takes_argv0(host, version(qemu(host, fit))))


def _directory(host: Reader, _: Facts, desired: Desired, row: Platform) -> Answer:
    folder = desired.emulators.directory
    if not folder:
        return None
    return _first(host, f"{folder}/{row.emulator}", f"{folder}/{row.emulator}-static") or (
        f"there is no static {row.emulator} in {folder}"
    )


def _copied(host: Reader, _: Facts, desired: Desired, row: Platform) -> Answer:
    """Return a program that an earlier copy brought, if it is unchanged."""
    folder = files.folder(desired.emulators.image)
    path = f"{folder}/{row.emulator}"
    found = copied.program(host, folder, str(row.emulator))
    data = host.head(path, -1) if found else None
    if found is None or data is None or hashlib.sha256(data).hexdigest() != found.sha256 or unfit(host, path):
        return None
    return Program(path, found.preserve_argv0)


def _local_image(host: Reader, facts: Facts, desired: Desired, row: Platform) -> Answer:
    image = desired.emulators.image
    there = copied.local(host, facts.socket, image) if facts.socket and not facts.hidden else None
    if there is None:
        return None
    return Program(f"{files.folder(image)}/{row.emulator}", there.preserve_argv0, "image")


def _installed(host: Reader, _: Facts, __: Desired, row: Platform) -> Answer:
    return _first(host, *(t.format(row.emulator) for t in INSTALLED))


def _offered(host: Reader, facts: Facts, desired: Desired, row: Platform) -> Answer:
    """Do what ``_pulled`` does, but only if a registry has the image. ``auto`` can fall back on another source."""
    image = desired.emulators.image
    if facts.socket and copied.refused(host, facts.socket, image) is not None:
        return f"no registry that the engine reaches has {image}"
    return _pulled(host, facts, desired, row)


def _pulled(_: Reader, facts: Facts, desired: Desired, row: Platform) -> Answer:
    """Return a program from an image that is not here yet.

    tonistiigi's images require the P flag. The copy checks whether this image does.
    """
    if not facts.socket:
        return "no engine is here to pull an image with"
    return Program(f"{files.folder(desired.emulators.image)}/{row.emulator}", True, "image")


def _packaged(host: Reader, _: Facts, desired: Desired, row: Platform) -> Answer:
    found = packages.of(host)
    if found is None:
        return "no package manager is known here"
    if desired.packages == "never":
        return f"packages: never, so not `{found.manager.hint(found.row.package.format(row.emulator))}`"
    number = packages.offered(host, found, str(row.emulator))
    return Program(found.row.path.format(row.emulator), takes_argv0(host, number), "package")


SOURCES: dict[str, tuple[Source, ...]] = {
    "auto": (_directory, _copied, _local_image, _installed, _offered, _packaged),
    "image": (_copied, _local_image, _pulled),
    "package": (_installed, _packaged),
    "directory": (_directory,),
}
UPGRADE: tuple[Source, ...] = (_copied, _local_image, _offered)
