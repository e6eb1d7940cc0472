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


def manifest(host: Reader, where: str) -> Mapping[str, Any]:
    """What was copied into a directory: image, digest, preserve_argv0, and the SHA-256 of each program; or nothing."""
    try:
        found = json.loads(host.read(f"{where}/{MANIFEST}") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
