"""Tell how each platform runs here: on the CPU, in an emulator (which QEMU), on another node, or not at all."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from provisioner.config.desired import Desired
from provisioner.emulators.files import VERSIONS
from provisioner.emulators.fitness import qemu
from provisioner.engine import info
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.platforms import binfmt, elf, table
from provisioner.platforms.table import Platform

NATIVE, EMULATED, NODE, BUILD_ONLY, NOTHING = "native", "emulated", "node", "build-only", "none"


class Label(NamedTuple):
    """How a platform runs.

    ``version`` and ``source`` describe QEMU; ``node`` is the node that builds the platform natively. ``source`` is
    ``image TAG``, ``package``, or the program's folder. An empty field is unknown.
    """

    platform: str
    kind: str
    version: str = ""
    source: str = ""
    node: str = ""
    fault: str = ""


class Fault(NamedTuple):
    """A QEMU that is known to break programs: the first bad version, the next good one, and for which architectures."""

    first: tuple[int, ...]
    mended: tuple[int, ...]
    architectures: frozenset[str]
    words: str


# Reported in moby/moby 43039, tonistiigi/binfmt 215, 231, 240, 244 and 298, docker/setup-qemu-action 198 and 201.
FAULTS = (
    Fault((4,), (5,), frozenset({"arm64"}), "kills ldconfig of some images with a signal"),
    Fault((9, 2), (9, 2, 3), frozenset({"arm64"}), "kills ldconfig and Node of some images with a signal"),
    Fault((10, 1, 3), (10, 1, 4), frozenset({"arm64"}), "kills ldconfig of some images with a signal"),
)


def labels(host: Reader, facts: Facts, desired: Desired, *, ask: bool = True) -> tuple[Label, ...]:
    """Return a label for each wanted platform. ``ask`` allows running QEMU to get its version."""
    nodes = {p: node.name or node.endpoint for node in desired.builder.nodes for p in node.platforms}
    return tuple(_label(host, facts, table.of(name), nodes.get(name, ""), ask) for name in desired.platforms)


def fault(architecture: str, version: str) -> str:
    """Return the known fault of a QEMU version for an architecture; empty if none is known."""
    number = info.version(version)
    known = (f for f in FAULTS if number and f.first <= number < f.mended and architecture in f.architectures)
    return next((f"QEMU {version} for {architecture} {f.words}" for f in known), "")


def notes(found: Collection[Label]) -> Iterator[str]:
    """Yield a sentence for each emulator with a known fault."""
    for words in dict.fromkeys(label.fault for label in found if label.fault):
        yield f"{words}, by public reports: name another version under emulators.image if builds fail"


def _label(host: Reader, facts: Facts, row: Platform, node: str, ask: bool) -> Label:
    if row.name in facts.native:
        return Label(row.name, NATIVE)
    if node:
        return Label(row.name, NODE, node=node)
    if table.build_only(row, facts.native):
        return Label(row.name, BUILD_ONLY)
    probe = elf.program(row.architecture)
    serving = [e for e in facts.entries.values() if e.enabled and binfmt.serves(e.magic, e.mask, e.offset, probe)]
    if not serving:
        return Label(row.name, EMULATED if facts.inside else NOTHING)
    path = serving[0].interpreter
    version = _version(host, path, ask=ask)
    return Label(row.name, EMULATED, version, _source(path), fault=fault(row.architecture, version))


def _source(path: str) -> str:
    if path.startswith(f"{VERSIONS}/"):
        return f"image {path.removeprefix(VERSIONS).split('/')[1]}"
    return "package" if path.startswith(("/usr/bin/qemu-", "/usr/libexec/qemu-binfmt/")) else path.rpartition("/")[0]


def _version(host: Reader, path: str, *, ask: bool) -> str:
    """Return the version that QEMU reports, or the one in the name of its folder."""
    if ask and (said := qemu(host, path)):
        return said
    tag = path.removeprefix(VERSIONS).split("/")[1] if path.startswith(f"{VERSIONS}/") else ""
    return tag.removeprefix("qemu-v").split("-")[0] if tag.startswith("qemu-v") else ""
