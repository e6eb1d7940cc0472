"""How each wanted platform runs: on the CPU, with an emulator, on another node, or not at all."""

from provisioner.config.desired import Desired
from provisioner.emulators import files
from provisioner.engine.facts import Facts
from provisioner.platforms import binfmt, table
from provisioner.platforms.table import Platform
from provisioner.typed import Any

NATIVE, EMULATED, NODE, BUILD_ONLY = "native", "emulated", "node", "build-only"
PACKAGED = ("/usr/bin/qemu-", "/usr/libexec/qemu-binfmt/", "/usr/sbin/qemu-")


def rows(facts: Facts, wanted: Desired) -> list[dict[str, Any]]:
    """Return a row for each wanted platform. ``by`` names the engine that emulates the platform; null otherwise."""
    elsewhere = {p: node.name or node.endpoint for node in wanted.builder.nodes for p in node.platforms}
    return [_row(table.of(name), facts, elsewhere) for name in wanted.platforms]


def _row(row: Platform, facts: Facts, elsewhere: dict[str, str]) -> dict[str, Any]:
    entry = facts.entries.get(str(row.emulator))
    kind, by = BUILD_ONLY, None
    if row.name in facts.native:
        kind = NATIVE
    elif table.emulated(row, facts.native):
        kind, by = EMULATED, f"{facts.kind.title}" if facts.inside else None
    built_on = elsewhere.get(row.name)
    shown: dict[str, Any] = {"platform": row.name, "runs": kind, "by": by, "built_on": built_on, "emulator": None}
    if kind == EMULATED and entry is not None and not facts.inside:
        shown["emulator"] = _emulator(entry, ours=row.architecture in facts.ours)
    return shown


def _emulator(entry: binfmt.Entry, *, ours: bool) -> dict[str, Any]:
    """Describe an entry of the kernel's table: the program that it runs and where that program comes from."""
    path = entry.interpreter
    source, tag = "directory", None
    if path.startswith(f"{files.VERSIONS}/"):
        source, tag = "image", path.removeprefix(files.VERSIONS).split("/")[1]
    elif path.startswith(PACKAGED):
        source = "package"
    version = tag.removeprefix("qemu-v") if tag and tag.startswith("qemu-v") else None
    return {"interpreter": path, "source": source, "tag": tag, "version": version, "ours": ours, "flags": entry.flags}
