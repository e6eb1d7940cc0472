"""Read what the engine says about an image, and what the manifest says about programs copied out of it."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.text import tolerant

MANIFEST = "manifest.json"
PRESERVE = "QEMU_PRESERVE_ARGV0"  # set in tonistiigi/binfmt's images: their QEMU requires the P flag


class Image(NamedTuple):
    """An image that the engine has: its digest, and whether its programs require the P flag."""

    digest: str
    preserve_argv0: bool


def local(host: Reader, socket: str, image: str) -> Image | None:
    """Return what the engine knows about an image; None if it does not have the image."""
    found = host.get(socket, f"/images/{image}/json")
    if found is None:
        return None
    digests = [d.rpartition("@")[2] for d in found.get("RepoDigests") or ()]
    environment = (found.get("Config") or {}).get("Env") or ()
    wants_p = any(v.startswith(f"{PRESERVE}=") and v != f"{PRESERVE}=" for v in environment)
    return Image(digests[0] if digests else str(found["Id"]), wants_p)


@functools.lru_cache  # the answer is the same for all platforms of a plan, and may take a time-out
def refused(host: Reader, socket: str, image: str, login: str = "") -> str | None:
    """Return None if a registry that the engine reaches has an image. The engine is asked, so its mirrors count.

    ``login`` is the value of X-Registry-Auth.

    Returns: else what the engine says about it, after a colon, or an empty string.
    """
    try:
        found = host.distribution(socket, image, login)
    except ProvisionerError as e:
        return f": {e.said}".rstrip(": ")
    return "" if found is None else None


class Copied(NamedTuple):
    """A copied program: its SHA-256, the digest of the image it came from, and whether it requires the P flag."""

    sha256: str
    digest: str
    preserve_argv0: bool


def program(host: Reader, where: str, name: str) -> Copied | None:
    """Return what the manifest says about one program; None if it says nothing.

    An older manifest has one digest and one flag for all programs.
    """
    found = manifest(host, where)
    try:
        row = found["programs"][name]
        if isinstance(row, str):
            return Copied(row, str(found.get("digest")), bool(found.get("preserve_argv0")))
        return Copied(row["sha256"], row["digest"], row["preserve_argv0"]) if row else None
    except (KeyError, TypeError):
        return None


def manifest(host: Reader, where: str) -> Mapping[str, Any]:
    """Return a directory's manifest: the image, and the fields of ``Copied`` by program. Empty if there is none."""
    return tolerant.mapping(host.read(f"{where}/{MANIFEST}"))
