"""Which platforms are emulated on a host, and what the keys, files and directories that belong to that are called."""

import binascii

from provisioner.config.desired import Desired
from provisioner.engine.facts import Facts
from provisioner.platforms import table
from provisioner.platforms.machine import BINFMT_D, OURS
from provisioner.platforms.table import Platform

NAME = "emulators"
MOUNTED = "binfmt_misc"
AT_BOOT, FROM, CREDENTIALS = " at boot", " from", " credentials"  # after a platform's name
VERSIONS = "/usr/local/lib/provisioner/qemu"
USUAL = "tonistiigi/binfmt"
LONGEST = 40  # characters of a tag in a directory's name: old kernels cut an interpreter's path at 127


def rows(desired: Desired, seen: Facts) -> tuple[Platform, ...]:
    """The wanted platforms that only an emulator runs on this host."""
    wanted = map(table.of, desired.platforms)
    return tuple(row for row in wanted if table.emulated(row, seen.native))


def conf(row: Platform) -> str:
    """The file of ours that registers an architecture's emulator at boot."""
    return f"{BINFMT_D}/{OURS}{row.architecture}.conf"


def folder(image: str) -> str:
    """The directory for the programs of an image."""
    return f"{VERSIONS}/{version(image)}"


def version(image: str) -> str:
    """The name of an image's directory: its tag, or the beginning of its digest; with a sum if it is not the usual one.

    A moving tag is copied once: what runs changes when the configuration names another one, and at no other time.
    """
    name, _, digest = image.partition("@sha256:")
    name, _, tag = name.partition(":") if "/" not in name.rpartition(":")[2] else (name, "", "")
    words = [f"sha256-{digest[:12]}" if digest else (tag or "latest")[:LONGEST]]
    if name.removeprefix("docker.io/") != USUAL or len(tag) > LONGEST:
        words.append(f"{binascii.crc32(image.encode()):08x}")
    return "-".join(words)


def told(desired: Desired, seen: Facts) -> tuple[str, ...]:
    """The wanted platforms that are built for and never run here, a sentence each."""
    wanted = map(table.of, desired.platforms)
    return tuple(_why(row) for row in wanted if table.build_only(row, seen.native))


def _why(row: Platform) -> str:
    if row.build_only:
        return f"{row.name} is build-only: no emulator runs it"
    return f"{row.name} is build-only: this CPU does not do it, and an emulator would get the host's own programs, too"
