"""Plan the copy of images into containerd's store before the switch, while the engine keeps running."""

from typing import NamedTuple

from provisioner.config.desired import Desired
from provisioner.daemon import containerd, inventory
from provisioner.daemon.inventory import Hidden
from provisioner.engine import containers
from provisioner.engine.facts import Facts
from provisioner.image_store import ctr, recreate, room
from provisioner.image_store.copy_images import NAMESPACE, CompareImages, CopyImage, copied, tags
from provisioner.model import Reader
from provisioner.steps import Obstacle, Step
from provisioner.text.sizes import count

TOGETHER = "tmp"  # below data-root, where an engine assembles the images that it saves
SAVING = "the engine needs there to put the largest image together"


class Migration(NamedTuple):
    """The steps that copy images, the obstacles that still block the switch, and notes for a person.

    ``first`` is what may fail without harm: it installs the program that copies.
    """

    steps: tuple[Step, ...]
    obstacles: tuple[Obstacle, ...]
    notes: tuple[str, ...]
    first: tuple[Step, ...] = ()


def impossible(host: Reader, facts: Facts, *, packages: bool) -> Obstacle | None:
    """Return why no image of this engine can be copied into containerd's store, or None.

    ``packages`` allows installing ctr if it is missing.
    """
    if facts.kind.owner != "root" or facts.layout.managed:
        hint = "save or push what is needed, then say image_store: {existing: hide}"
        message = f"images of {facts.kind.title} cannot be carried over"
        return Obstacle("not-carried", message, hint)
    if host.program("ctr") is None and not (missing := ctr.install(host, allowed=packages)).steps:
        return Obstacle("no-ctr", "ctr, containerd's own client, is not installed", missing.hint)
    if namespace := containerd.namespace(host, facts):
        message = f"this engine uses containerd's namespace {namespace}, and images are carried into {NAMESPACE}"
        hint = "save or push what is needed, then set image_store: {existing: hide}"
        return Obstacle("other-namespace", message, hint)
    return None


def plan(host: Reader, facts: Facts, desired: Desired) -> Migration:
    """Return a step for each image that is missing, and one that compares all. Containers block the switch."""
    allowed = desired.packages != "never"
    if why := impossible(host, facts, packages=allowed):
        return Migration((), (why,), ())
    found, address = inventory.count(host, facts, desired), containerd.address(host, facts)
    images = host.get(facts.socket, "/images/json") or ()  # with the builder's, so it is not pulled again
    missing = [i for i in images if tags(i) and not copied(host, address, i)]
    copies = [CopyImage(tags(i), int(i.get("Size") or 0), facts.socket, address) for i in missing]
    sizes, together = [c.size for c in copies], f"{facts.engine.root}/{TOGETHER}"
    if why := room.no_room(host, facts, sum(sizes)) or room.lack(host, together, max(sizes, default=0), SAVING):
        return Migration((), (why,), ())
    steps: tuple[Step, ...] = (*copies, CompareImages(facts.socket, address)) if copies else ()
    first = ctr.missing(host, allowed=allowed) if copies else ()
    return Migration(steps, _containers(found), notes(host, facts, found), first)


def _containers(found: Hidden) -> tuple[Obstacle, ...]:
    if not found.containers:
        return ()
    named = ", ".join(sorted(containers.name(c) for c in found.containers)[:5])
    hidden = count(len(found.containers), "container")
    message = f"the switch would hide {hidden} ({named}); only images are carried over"
    hint = "remove them, or say existing: hide once the images are over; `provisioner plan` says how each was made"
    return (Obstacle("would-hide", message, hint, (("containers", len(found.containers)),)),)


def notes(host: Reader, facts: Facts, found: Hidden) -> tuple[str, ...]:
    """Return what a person must know and may have to do after the switch."""
    lines = [
        f"{d}: its digest changes with the store; `docker pull {d}` gives it back"
        + ("" if tags(i) else " (it has no tag, and stays behind)")
        for i in found.images
        for d in i.get("RepoDigests") or ()
        if not d.startswith("<none>")
    ]
    for image in (i for i in found.images if not tags(i)):
        digests = [d for d in image.get("RepoDigests") or () if not d.startswith("<none>")]
        if not digests:
            lines.append(f"{image['Id'][:19]} has no name, and stays behind")
    inspected = (host.get(facts.socket, f"/containers/{c['Id']}/json") for c in found.containers)
    return (*lines, *(f"make again: {recreate.sentence(c)}" for c in inspected if c))
