"""QEMU versions that public reports say break programs, and a warning for each that this host uses."""

from collections.abc import Iterable, Iterator

from provisioner.emulators.fitness import qemu
from provisioner.emulators.labels import IMAGE, Emulator, Label
from provisioner.engine import info
from provisioner.model import Reader
from provisioner.platforms import pages, table
from provisioner.typed import NamedTuple

GOOD = "tonistiigi/binfmt:qemu-v10.2.3"  # the image without a known fault, as of its newest release in June 2026

# The first QEMU that maps parts of a page of a kernel whose pages are larger than the program's (linux-user/mmap.c).
ANY_PAGES = (9,)


class Fault(NamedTuple):
    """A fault of the versions from ``since`` up to but not including ``fixed``.

    ``architectures`` are the emulated ones that it concerns; empty means all. ``source`` limits it to one source, such
    as the image, whose programs are built with another C library.
    """

    since: tuple[int, ...]
    fixed: tuple[int, ...]
    architectures: tuple[str, ...]
    words: str
    reports: str
    source: str = ""


ARM64 = ("arm64",)
FAULTS = (
    Fault((0,), (5,), ARM64, "kills ldconfig of some images with signal 11", "moby/moby#43039"),
    Fault(
        (0,),
        (9, 2),
        (),
        "lacks the system call openat2, so tar of current images fails (Function not implemented)",
        "abiosoft/colima#1613, spinnaker/spinnaker#7970",
    ),
    Fault(
        (9, 2),
        (9, 2, 3),
        ARM64,
        "kills ldconfig and Node.js of some images with signal 11",
        "tonistiigi/binfmt#215, #231, #244, #245, docker/setup-qemu-action#198, #201",
    ),
    Fault(
        (9, 2),
        (10, 1, 3),
        ARM64,
        "translates openat2 wrongly, so tar of current images fails (Invalid argument)",
        "tonistiigi/binfmt#285, moby/buildkit#6475",
        IMAGE,
    ),
    Fault((10, 1, 3), (10, 2), ARM64, "kills ldconfig of some images with signal 11", "tonistiigi/binfmt#298"),
)


def faults(emulator: Emulator, architecture: str) -> tuple[Fault, ...]:
    """Return the known faults of an emulator. A version that is not a number has none."""
    number = info.version(emulator.version)
    return tuple(
        f
        for f in FAULTS
        if number
        and f.since <= number < f.fixed
        and architecture in (f.architectures or (architecture,))
        and f.source in ("", emulator.source)
    )


def asked(host: Reader, found: Iterable[Label]) -> Iterator[Label]:
    """Run each emulator once to get its version, and yield the labels with it."""
    known: dict[str, str] = {}
    for label in found:
        if label.emulator is None:
            yield label
            continue
        path = label.emulator.interpreter
        if path not in known:
            known[path] = qemu(host, path)
        yield label._replace(emulator=label.emulator._replace(version=known[path] or label.emulator.version))


def warnings(found: Iterable[Label], page: int = pages.USUAL) -> Iterator[str]:
    """Yield a sentence for each emulator with a known fault. ``page`` is the size of the kernel's pages in bytes."""
    for label in found:
        if label.emulator is not None:
            for fault in faults(label.emulator, table.of(label.platform).architecture):
                yield f"QEMU {label.emulator.version} for {label.platform} {fault.words}: {cure()}"
            number = info.version(label.emulator.version)
            if page > pages.USUAL and number and number < ANY_PAGES:
                what = f"QEMU {label.emulator.version} for {label.platform} may kill programs made for pages of 4 KB"
                yield f"{what}, because this kernel has pages of {page >> 10} KB: {cure()}"


def cure() -> str:
    """Return what to do about an emulator with a known fault."""
    return f"if builds fail, set `emulators: {{source: image, image: {GOOD}}}`"
