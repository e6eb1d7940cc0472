"""QEMU versions with known bugs that break programs, and which of them this host uses."""

from collections.abc import Iterator
from typing import NamedTuple

from provisioner.checks import platforms
from provisioner.config.desired import Desired
from provisioner.engine import info
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.platforms import table

Version = tuple[int, ...]


class Fault(NamedTuple):
    """A bug in the versions from ``since`` up to but not including ``fixed``.

    ``emulated`` lists the affected architectures. If it is empty, all are affected.
    """

    since: Version
    fixed: Version
    emulated: tuple[str, ...]
    what: str


# Sources: tonistiigi/binfmt #215 and #231, docker/setup-qemu-action #198, and QEMU's changelogs.
FAULTS = (
    Fault((0,), (5, 0), (), "has no P flag and lacks system calls that current images use"),
    Fault((7, 0), (7, 1), ("arm64", "arm"), "kills ldconfig and apt in some images (segmentation fault)"),
    Fault((8, 1), (8, 1, 3), (), "kills programs that use much memory (signal 11)"),
    Fault((9, 2), (9, 2, 1), ("arm64",), "kills ldconfig of Ubuntu 22.04 and Node.js (segmentation fault)"),
)


def faults(version: str, architecture: str) -> tuple[Fault, ...]:
    """Return the known bugs of a version, or none if the version is not a number."""
    number = info.version(version) or ()
    return tuple(f for f in FAULTS if f.since <= number < f.fixed and (not f.emulated or architecture in f.emulated))


def warnings(host: System, facts: Facts) -> list[str]:
    """Return a sentence for each emulator of this host with a known bug. Runs the emulators to get their versions."""
    return list(_warnings(host, facts))


def _warnings(host: System, facts: Facts) -> Iterator[str]:
    asked = Desired(platforms=table.each_architecture())
    for row in platforms.rows(facts, asked):
        if not (emulator := row["emulator"]):
            continue
        version = version_of(host, emulator["interpreter"]) or emulator["version"]
        for fault in faults(version or "", table.of(row["platform"]).architecture):
            yield f"QEMU {version} for {row['platform']} {fault.what}"


def version_of(host: System, interpreter: str) -> str | None:
    """Return the version that an emulator reports."""
    words = host.ask(interpreter, "--version").stdout.split()
    return words[words.index("version") + 1] if "version" in words[:-1] else None
