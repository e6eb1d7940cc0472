"""Tell how each platform runs here: on the CPU, in an emulator (which QEMU, and where it comes from), or not at all.

A check reads only. It takes QEMU's version from ``versions``, which an apply has asked for and kept.
"""

from collections.abc import Mapping

from provisioner.config import drivers
from provisioner.config.desired import Builder, Desired
from provisioner.engine.facts import Facts
from provisioner.platforms import binfmt, elf, table
from provisioner.platforms.machine import VERSIONS
from provisioner.platforms.table import Platform
from provisioner.typed import NamedTuple

NATIVE, EMULATED, BUILD_ONLY = "native", "emulated", "build-only"
IMAGE, PACKAGE, DIRECTORY = "image", "package", "directory"
PACKAGED = ("/usr/bin/qemu-", "/usr/libexec/qemu-binfmt/", "/usr/sbin/qemu-")
NONE: Mapping[str, str] = {}
UNSEEN = "an emulator that this host does not show"


class Emulator(NamedTuple):
    """The entry of the kernel's table that runs a platform.

    ``source`` is image, package or directory. ``tag`` is the image's. ``version`` is QEMU's. Empty texts are unknown.
    """

    interpreter: str
    source: str
    tag: str
    version: str
    ours: bool
    flags: str

    @property
    def origin(self) -> str:
        """Where the program comes from, such as ``image qemu-v10.2.3``, ``package`` or its folder."""
        if self.source == DIRECTORY:
            return self.interpreter.rpartition("/")[0] or "/"
        return f"{self.source} {self.tag}".strip()


class Label(NamedTuple):
    """How a platform runs. ``by`` names an engine that brings its own emulators; ``built_on`` the node that builds it.

    ``emulator`` is None if none is registered, or if the engine's own virtual machine has it.
    """

    platform: str
    runs: str
    by: str = ""
    built_on: str = ""
    emulator: Emulator | None = None

    @property
    def sentence(self) -> str:
        """The label as a person reads it."""
        if self.runs != EMULATED:
            how = "build only" if self.runs == BUILD_ONLY else self.runs  # or a word of a newer agent
        elif self.by:
            how = f"emulated by {self.by}"
        elif self.emulator is None:
            how = "no emulator is registered"
        else:
            whose = "" if self.emulator.ours else ", not registered by provisioner"
            how = f"emulated by {f'QEMU {self.emulator.version}'.strip()} from {self.emulator.origin}{whose}"
        return f"built on node {self.built_on}; here: {how}" if self.built_on else how


def labels(facts: Facts, desired: Desired, versions: Mapping[str, str] = NONE) -> tuple[Label, ...]:
    """Return a label for each wanted platform. ``versions`` holds QEMU's version by the path of its program."""
    nodes = _nodes(desired.builder)
    return tuple(_label(facts, table.of(name), _building(nodes, name), versions) for name in desired.platforms)


def _nodes(builder: Builder) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the builder's nodes in its order, by the names that buildx gives them, with the platforms that they claim.

    An empty name is this host's own node.
    """
    own = "" if builder.driver == drivers.CONTAINER else drivers.first(builder.name)
    first = () if builder.driver == drivers.REMOTE else ((own, builder.platforms),)
    more = ((n.name or f"{builder.name}{i}", n.platforms) for i, n in enumerate(builder.nodes, len(first)))
    return (*first, *more)


def _building(nodes: tuple[tuple[str, tuple[str, ...]], ...], platform: str) -> str:
    """Return the node that builds a platform: the first one that claims it, as buildx chooses, else one without claims.

    An empty text is this host.
    """
    claimed = [name for name, platforms in nodes if platform in platforms]
    free = [name for name, platforms in nodes if not platforms]
    return next(iter(claimed + free), "")


def serving(facts: Facts, row: Platform) -> binfmt.Entry | None:
    """Return the entry that the kernel would use for a platform, whatever its name, or None."""
    if not row.emulator:
        return None
    probe = elf.program(row.architecture)
    found = (e for e in facts.entries.values() if e.enabled and binfmt.serves(e.magic, e.mask, e.offset, probe))
    return next(found, None)


def _label(facts: Facts, row: Platform, node: str, versions: Mapping[str, str]) -> Label:
    if row.name in facts.native:
        return Label(row.name, NATIVE, built_on=node)
    if not table.emulated(row, facts.native):
        return Label(row.name, BUILD_ONLY, built_on=node)
    if facts.inside:
        return Label(row.name, EMULATED, facts.kind.title, node)
    if facts.table_unseen:
        return Label(row.name, EMULATED, UNSEEN, node)
    entry = serving(facts, row)
    found = _emulator(entry, versions, ours=row.architecture in facts.ours) if entry else None
    return Label(row.name, EMULATED, "", node, found)


def _emulator(entry: binfmt.Entry, versions: Mapping[str, str], *, ours: bool) -> Emulator:
    """Describe an entry of the kernel's table."""
    path = entry.interpreter
    source, tag = DIRECTORY, ""
    if path.startswith(f"{VERSIONS}/"):
        source, tag = IMAGE, path.removeprefix(VERSIONS).split("/")[1]
    elif path.startswith(PACKAGED):
        source = PACKAGE
    named = tag.removeprefix("qemu-v").split("-")[0] if tag.startswith("qemu-v") else ""
    return Emulator(path, source, tag, versions.get(path) or named, ours, entry.flags)
