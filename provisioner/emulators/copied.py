"""What can be copied out of an image, and what was: the engine's word on the image, the manifest beside the copies."""

import functools
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from provisioner.errors import ProvisionerError
from provisioner.model import Reader

MANIFEST = "manifest.json"
PRESERVE = "QEMU_PRESERVE_ARGV0"  # tonistiigi/binfmt's own variable: its QEMU takes the P flag for granted


class Image(NamedTuple):
    """An image that the engine has: its digest, and whether its programs want the P flag."""

    digest: str
    preserve_argv0: bool


def local(host: Reader, socket: str, image: str) -> Image | None:
    """What the engine knows of an image; None: it does not have it."""
    found = host.get(socket, f"/images/{image}/json")
    if found is None:
        return None
    digests = [d.rpartition("@")[2] for d in found.get("RepoDigests") or ()]
    environment = (found.get("Config") or {}).get("Env") or ()
    wants_p = any(v.startswith(f"{PRESERVE}=") and v != f"{PRESERVE}=" for v in environment)
    return Image(digests[0] if digests else str(found["Id"]), wants_p)


@functools.lru_cache  # the answer is one for all platforms of a plan, and may be a time-out
def offered(host: Reader, socket: str, image: str) -> bool:
    """Whether a registry that the engine reaches has an image; asked by way of the engine, so that mirrors count."""
    try:
        return host.get(socket, f"/distribution/{image}/json") is not None
    except ProvisionerError:
        return False


class Copied(NamedTuple):
    """A program that was copied: its sum, the digest of the image that it came from, and whether it wants P."""

    sha256: str
    digest: str
    preserve_argv0: bool


def program(host: Reader, where: str, name: str) -> Copied | None:
    """What the manifest says of one program; None: nothing. Older ones say one thing of all programs."""
    found = manifest(host, where)
    row = (found.get("programs") or {}).get(name)
    if isinstance(row, str):
        return Copied(row, str(found.get("digest")), bool(found.get("preserve_argv0")))
    try:
        return Copied(row["sha256"], row["digest"], row["preserve_argv0"]) if row else None
    except (KeyError, TypeError):
        return None


def manifest(host: Reader, where: str) -> Mapping[str, Any]:
    """What was copied into a directory: the image, and of each program what ``Copied`` says; or nothing."""
    try:
        found = json.loads(host.read(f"{where}/{MANIFEST}") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
