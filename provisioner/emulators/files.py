"""Paths for emulators: one rule file for each architecture, and one directory for each image version."""

import binascii

from provisioner.platforms.machine import BINFMT_D, OURS, VERSIONS
from provisioner.platforms.table import Platform

USUAL = "tonistiigi/binfmt"
LONGEST = 40  # characters of a tag in a directory's name: old kernels cut an interpreter's path at 127


def rule(row: Platform) -> str:
    """Return the path of our file that registers a platform's emulator at boot."""
    return registering(row.architecture)


def registering(architecture: str) -> str:
    """Return the path of our file that registers an architecture's emulator at boot."""
    return f"{BINFMT_D}/{OURS}{architecture}.conf"


def folder(image: str) -> str:
    """Return the directory for the programs of an image."""
    return f"{VERSIONS}/{version(image)}"


def version(image: str) -> str:
    """Return the name of an image's directory: its tag, or the start of its digest.

    A checksum is added if the image's name is not the usual one, or if the tag is shortened. A tag that moves is copied
    once: the programs change only when the configuration names another tag.
    """
    name, _, digest = image.partition("@sha256:")
    name, _, tag = name.partition(":") if "/" not in name.rpartition(":")[2] else (name, "", "")
    words = [f"sha256-{digest[:12]}" if digest else (tag or "latest")[:LONGEST]]
    if name.removeprefix("docker.io/") != USUAL or len(tag) > LONGEST:
        words.append(f"{binascii.crc32(image.encode()):08x}")
    return "-".join(words)
