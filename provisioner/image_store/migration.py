"""Carry images into containerd's store before the switch, while the engine serves.

The engine's own save stream goes into ``ctr images import``, and nothing is written in between but by the engine: it
puts all that it is asked for together in a folder of its own first. So it is asked for an image at a time, although
layers that two of them share are carried twice.
Layers travel uncompressed: manifests and their digests are new, the configuration, which names every layer's content,
stays byte for byte what it was. So an image is the same if its configuration's digest is.

Unpacking at once costs a sixth more than ``--no-unpack`` (8.5 s instead of 7.4 s for 600 MB), and shows before the
switch, not at the first run after it, whether a layer can be unpacked.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from provisioner.config.desired import Desired
from provisioner.daemon import containerd, policy
from provisioner.engine.facts import Facts
from provisioner.errors import CommandError, ProvisionerError
from provisioner.host import System
from provisioner.image_store import inventory, recreate
from provisioner.image_store.inventory import Hidden
from provisioner.model import Reader
from provisioner.steps import CompareImages, CopyImage, Obstacle, Step

NAMESPACE = "moby"
UNTAGGED = "<none>:<none>"
TOGETHER = "tmp"  # below data-root: where an engine puts together what it is asked to save
SAVING = "the engine needs there to put the largest image together"
BAR = 30  # characters
SHOWN = 16 << 20  # bytes between two looks at the progress


class Migration(NamedTuple):
    """What would be carried over, what holds the switch all the same, and what a person has to know."""

    steps: tuple[Step, ...]
    obstacles: tuple[Obstacle, ...]
    notes: tuple[str, ...]


def plan(host: Reader, facts: Facts, desired: Desired) -> Migration:
    """The images that are not there yet, a step each, and the comparison of all. Containers hold the switch."""
    if facts.flavour.owner != "root" or facts.site.managed:
        hint = "save or push what is needed, then say image_store: {existing: hide}"
        message = f"images of {facts.flavour.title} cannot be carried over"
        return Migration((), (Obstacle("not-carried", message, hint),), ())
    if host.program("ctr") is None:
        message = "ctr, containerd's own client, is not installed"
        return Migration((), (Obstacle("no-ctr", message, "apt-get install containerd"),), ())
    found, address = inventory.count(host, facts, desired), containerd.address(host, facts)
    images = host.get(facts.socket, "/images/json") or ()  # the builder's, too: then it need not be pulled again
    missing = [i for i in images if names(i) and not _there(host, address, i)]
    copies = [CopyImage(names(i), int(i.get("Size") or 0), facts.socket, address) for i in missing]
    sizes, together = [c.size for c in copies], f"{facts.engine.root}/{TOGETHER}"
    if why := inventory.no_room(host, facts, sum(sizes)) or inventory.lack(
        host, together, max(sizes, default=0), SAVING
    ):
        return Migration((), (why,), ())
    steps: tuple[Step, ...] = (*copies, CompareImages(facts.socket, address)) if copies else ()
    return Migration(steps, _containers(found), notes(host, facts, found))


def _containers(found: Hidden) -> tuple[Obstacle, ...]:
    if not found.containers:
        return ()
    named = ", ".join(sorted(policy.name(c) for c in found.containers)[:5])
    message = f"the switch would hide {len(found.containers)} containers ({named}); only images are carried over"
    hint = "remove them, or say existing: hide once the images are over; `provisioner plan` says how each was made"
    return (Obstacle("would-hide", message, hint, (("containers", len(found.containers)),)),)


def notes(host: Reader, facts: Facts, found: Hidden) -> tuple[str, ...]:
    """What a person has to know and may have to do afterwards."""
    lines = [
        f"{d}: its digest changes with the store; `docker pull {d}` gives it back"
        for i in found.images
        for d in i.get("RepoDigests") or ()
        if not d.startswith("<none>")
    ]
    if untagged := sum(not names(i) for i in found.images):
        lines.append(f"{untagged} images have no name, and stay behind")
    inspected = (host.get(facts.socket, f"/containers/{c['Id']}/json") for c in found.containers)
    return (*lines, *(f"make again: {recreate.sentence(c)}" for c in inspected if c))


def copy(system: System, step: CopyImage, say: Callable[[str], None]) -> None:
    """Carry one image over, and compare it. CommandError, ProvisionerError."""
    shown = 0

    def moved(count: int) -> None:
        nonlocal shown
        if count - shown >= SHOWN:
            shown = count
            done = min(1.0, count / max(step.size, 1))
            bar = "#" * int(BAR * done)
            say(f"\r{step.names[0]} [{bar:<{BAR}}] {count / 1e6:.0f} MB")

    query = "&".join(f"names={quote(name, safe='')}" for name in step.names)
    argv = (*_ctr(step.containerd), "images", "import", "-")
    system.pour(step.socket, f"/images/get?{query}", argv, moved)
    for name in step.names:
        _compare(system, step.containerd, system.get(step.socket, f"/images/{quote(name)}/json"), name)


def compare(system: System, step: CompareImages) -> None:
    """ProvisionerError names the first image that is not there, or not the same."""
    for image in system.get(step.socket, "/images/json") or ():
        for name in names(image):
            _compare(system, step.containerd, system.get(step.socket, f"/images/{quote(name)}/json"), name)


def names(image: Mapping[str, Any]) -> tuple[str, ...]:
    """The tags of an image as /images/json lists it."""
    return tuple(t for t in image.get("RepoTags") or () if t != UNTAGGED)


def reference(name: str) -> str:
    """A tag as containerd has it: ``keep:1`` is ``docker.io/library/keep:1``. Source: distribution/reference."""
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"


def _there(host: Reader, address: str, image: Mapping[str, Any]) -> bool:
    return all(_manifest(host, address, name).get("config", {}).get("digest") == image["Id"] for name in names(image))


def _compare(system: System, address: str, image: Any, name: str) -> None:
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
