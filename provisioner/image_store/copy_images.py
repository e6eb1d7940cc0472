"""The steps that copy images into containerd's store, one at a time, and compare all of them.

We pipe the engine's save stream into ``ctr images import`` and write no files. The engine itself first assembles
everything that one request asks for in a temporary folder. We therefore request one image at a time, although layers
that images share are copied more than once.

Layers are copied uncompressed, so manifests and their digests change. The image's configuration names the content of
every layer and stays the same byte for byte. An image is therefore the same if the digest of its configuration is the
same.

Unpacking during the import takes 15% longer than ``--no-unpack`` (8.5 s instead of 7.4 s for 600 MB). It shows before
the switch, not at the first run afterwards, whether each layer can be unpacked.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from provisioner.errors import CommandError, ProvisionerError
from provisioner.model import Reader
from provisioner.steps import Say, Step
from provisioner.text.messages import Progress

if TYPE_CHECKING:
    from provisioner.host import System

NAMESPACE = "moby"
UNTAGGED = "<none>:<none>"
BAR = 30  # the width of the progress bar, in characters
SHOWN = 16 << 20  # bytes between two updates of the progress


@dataclass(frozen=True, slots=True)
class CopyImage(Step):
    """Copy an image with all its names from the engine's own store into containerd's. ``size`` is in bytes.

    The step has no inverse. The engine ignores an unused copy, and the next run can use it.
    """

    names: tuple[str, ...]
    size: int
    socket: str
    containerd: str

    def do(self, system: "System", say: Say) -> None:
        query = "&".join(f"names={quote(name, safe='')}" for name in self.names)
        argv = (*_ctr(self.containerd), "images", "import", "-")
        shown = 0

        def moved(count: int) -> None:
            nonlocal shown
            if count - shown >= SHOWN:
                shown = count
                done = min(1.0, count / max(self.size, 1))
                bar = "#" * int(BAR * done)
                say(Progress(f"{self.names[0]} [{bar:<{BAR}}] {count / 1e6:.0f} MB"))

        system.pour(self.socket, f"/images/get?{query}", argv, moved)
        for name in self.names:
            _compare(system, self.containerd, system.get(self.socket, f"/images/{quote(name)}/json"), name)

    def sentence(self) -> str:
        return f"copy {', '.join(self.names)} ({self.size / 1e6:.0f} MB) into containerd's store"


@dataclass(frozen=True, slots=True)
class CompareImages(Step):
    """Check that containerd's store has every tagged image of the engine, with the same configuration and layers.

    Raises: ProvisionerError that names the first image that is missing or different.
    """

    socket: str
    containerd: str

    def do(self, system: "System", say: Say) -> None:
        for image in system.get(self.socket, "/images/json") or ():
            for name in tags(image):
                _compare(system, self.containerd, system.get(self.socket, f"/images/{quote(name)}/json"), name)

    def sentence(self) -> str:
        return "compare every image with its copy"


def tags(image: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tags of an image in the format of /images/json."""
    return tuple(t for t in image.get("RepoTags") or () if t != UNTAGGED)


def reference(name: str) -> str:
    """Return containerd's name of a tag: ``keep:1`` becomes ``docker.io/library/keep:1``.

    Source: distribution/reference.
    """
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"


def copied(host: Reader, address: str, image: Mapping[str, Any]) -> bool:
    """Whether containerd's store has the same image under each of its names."""
    return all(_manifest(host, address, name).get("config", {}).get("digest") == image["Id"] for name in tags(image))


def _compare(system: "System", address: str, image: Any, name: str) -> None:
    """Compare the name, the configuration (which includes the platform) and the layers."""
    if image is None:
        return  # someone has removed it in the meantime
    manifest = _manifest(system, address, name)
    if manifest.get("config", {}).get("digest") != image["Id"]:
        hint = "was it pulled or built meanwhile? apply again"
        raise ProvisionerError(f"{name}: containerd's store does not hold the same image", hint=hint)
    if _digests(manifest["layers"]) != tuple((image.get("RootFS") or {}).get("Layers") or ()):
        raise ProvisionerError(f"{name}: containerd's store does not hold the same layers", hint="apply again")


def _manifest(host: Reader, address: str, name: str) -> Mapping[str, Any]:
    """Return an image's manifest in containerd's store, or an empty mapping."""
    ran = host.ask(*_ctr(address), "images", "list", f"name=={reference(name)}")
    words = (word for line in ran.stdout.splitlines()[1:] for word in line.split())
    digest = next((word for word in words if word.startswith("sha256:")), "")
    content = host.ask(*_ctr(address), "content", "get", digest).stdout if digest else ""
    try:
        found = json.loads(content or "{}")
    except ValueError:
        raise CommandError(f"{name}: containerd gives a manifest that is not valid JSON") from None
    return found if isinstance(found, dict) else {}


def _digests(layers: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(layer["digest"] for layer in layers)


def _ctr(address: str) -> tuple[str, ...]:
    return ("ctr", "--address", address, "--namespace", NAMESPACE)
