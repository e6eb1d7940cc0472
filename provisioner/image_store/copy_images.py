"""The steps that carry images into containerd's store: one image at a time, and a comparison of all of them.

The engine's own save stream goes into ``ctr images import``, and nothing is written in between but by the engine: it
puts all that it is asked for together in a folder of its own first. So it is asked for an image at a time, although
layers that two of them share are carried twice.
Layers travel uncompressed: manifests and their digests are new, the configuration, which names every layer's content,
stays byte for byte what it was. So an image is the same if its configuration's digest is.

Unpacking at once costs a sixth more than ``--no-unpack`` (8.5 s instead of 7.4 s for 600 MB), and shows before the
switch, not at the first run after it, whether a layer can be unpacked.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from provisioner.errors import CommandError, ProvisionerError
from provisioner.model import Reader
from provisioner.steps import Say, Step

if TYPE_CHECKING:
    from provisioner.host import System

NAMESPACE = "moby"
UNTAGGED = "<none>:<none>"
BAR = 30  # characters
SHOWN = 16 << 20  # bytes between two looks at the progress


@dataclass(frozen=True, slots=True)
class CopyImage(Step):
    """Carry an image, by all its names, from the engine's own store into containerd's; ``size`` in bytes.

    Nothing undoes it: a copy that the engine does not look at harms nobody, and the next run need not make it again.
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
                say(f"\r{self.names[0]} [{bar:<{BAR}}] {count / 1e6:.0f} MB")

        system.pour(self.socket, f"/images/get?{query}", argv, moved)
        for name in self.names:
            _compare(system, self.containerd, system.get(self.socket, f"/images/{quote(name)}/json"), name)

    def sentence(self) -> str:
        return f"copy {', '.join(self.names)} ({self.size / 1e6:.0f} MB) into containerd's store"


@dataclass(frozen=True, slots=True)
class CompareImages(Step):
    """See that every tagged image of the engine's is in containerd's store, the same in every layer and word.

    ProvisionerError names the first image that is not there, or not the same.
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
    """The tags of an image as /images/json lists it."""
    return tuple(t for t in image.get("RepoTags") or () if t != UNTAGGED)


def reference(name: str) -> str:
    """A tag as containerd has it: ``keep:1`` is ``docker.io/library/keep:1``. Source: distribution/reference."""
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"


def copied(host: Reader, address: str, image: Mapping[str, Any]) -> bool:
    """Whether containerd's store holds the same image by each of its names."""
    return all(_manifest(host, address, name).get("config", {}).get("digest") == image["Id"] for name in tags(image))


def _compare(system: "System", address: str, image: Any, name: str) -> None:
    """Tag, configuration (and with it the platform), layers."""
    if image is None:
        return  # somebody removed it meanwhile
    manifest = _manifest(system, address, name)
    if manifest.get("config", {}).get("digest") != image["Id"]:
        hint = "was it pulled or built meanwhile? apply again"
        raise ProvisionerError(f"{name}: containerd's store does not hold the same image", hint=hint)
    if _digests(manifest["layers"]) != tuple(image["RootFS"].get("Layers") or ()):
        raise ProvisionerError(f"{name}: containerd's store does not hold the same layers", hint="apply again")


def _manifest(host: Reader, address: str, name: str) -> Mapping[str, Any]:
    """An image's manifest in containerd's store; empty where there is none."""
    ran = host.ask(*_ctr(address), "images", "list", f"name=={reference(name)}")
    words = (word for line in ran.stdout.splitlines()[1:] for word in line.split())
    digest = next((word for word in words if word.startswith("sha256:")), "")
    content = host.ask(*_ctr(address), "content", "get", digest).stdout if digest else ""
    try:
        found = json.loads(content or "{}")
    except ValueError:
        raise CommandError(f"{name}: containerd gives a manifest that is no JSON") from None
    return found if isinstance(found, dict) else {}


def _digests(layers: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(layer["digest"] for layer in layers)


def _ctr(address: str) -> tuple[str, ...]:
    return ("ctr", "--address", address, "--namespace", NAMESPACE)
