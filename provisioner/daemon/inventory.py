"""Count what an engine holds that is not ours, before a change hides it. Nothing is ever deleted."""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from provisioner.config import drivers
from provisioner.config.desired import Desired
from provisioner.engine import api, containers, own_image, traces
from provisioner.engine.facts import Facts
from provisioner.engine.info import NONE
from provisioner.errors import NoEngineError
from provisioner.model import Reader
from provisioner.steps import Obstacle
from provisioner.text.sizes import count as counted
from provisioner.text.sizes import human

ANONYMOUS = re.compile(r"[0-9a-f]{64}")


class Hidden(NamedTuple):
    """The images in use, without those of our builder, their size on disk in bytes, and all containers but ours.

    ``volumes``: the anonymous volumes of those containers. ``all_volumes``: all volumes but ours, if the change hides
    volumes, too.
    """

    images: tuple[Mapping[str, Any], ...]
    size: int
    containers: tuple[Mapping[str, Any], ...]
    volumes: int
    all_volumes: int = 0

    @property
    def running(self) -> list[str]:
        """The names of the running containers."""
        return sorted(containers.name(c) for c in self.containers if c.get("State") == "running")


def count(host: Reader, facts: Facts, desired: Desired, *, volumes: bool = False) -> Hidden:
    """Count the contents of the active store. The builder, its image, and the leftovers of a test do not count.

    ``volumes`` counts every volume. A switch of the store does not hide them, but a new data root does.
    """
    every = host.get(facts.socket, "/containers/json?all=1") or ()
    others = [c for c in containers.others(host, facts, desired) if own_image.LABEL not in (c.get("Labels") or ())]
    ids, used = {c["Id"] for c in others}, {c.get("ImageID") for c in others}
    builders = {c.get("ImageID") for c in every if c["Id"] not in ids} - used
    images = [i for i in host.get(facts.socket, "/images/json") or () if not _ours(i, builders, used, desired)]
    mounts = [m for c in others for m in c.get("Mounts") or ()]
    anonymous = {m["Name"] for m in mounts if m.get("Type") == "volume" and ANONYMOUS.fullmatch(m.get("Name") or "")}
    unique = {i["Id"]: i for i in images}
    every_volume = _volumes(host, facts, desired) if volumes else 0
    return Hidden(tuple(unique.values()), _size(host, facts, unique), tuple(others), len(anonymous), every_volume)


def _volumes(host: Reader, facts: Facts, desired: Desired) -> int:
    """Return the number of all volumes, without the cache of our builder."""
    found = (host.get(facts.socket, "/volumes") or {}).get("Volumes") or ()
    cache = f"{drivers.container(drivers.first(desired.builder.name))}_state"
    return sum(v.get("Name") != cache and traces.LABEL not in (v.get("Labels") or ()) for v in found)


def _ours(image: Mapping[str, Any], builders: Collection[Any], used: Collection[Any], desired: Desired) -> bool:
    """Whether an image exists only because of us: no container except our builder's uses it."""
    if image["Id"] in builders or own_image.LABEL in (image.get("Labels") or ()):
        return True
    named = {drivers.image(desired.builder.driver_options), desired.emulators.image}
    tags = {t.removesuffix(":latest") for t in image.get("RepoTags") or ()}
    return bool(tags) and tags <= {n.removesuffix(":latest") for n in named} and image["Id"] not in used


def _size(host: Reader, facts: Facts, images: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the bytes that images take on disk. If the engine does not say, shared layers count several times."""
    try:
        said = host.get(facts.socket, f"{api.prefix(facts.engine)}/system/df?type=image") if images else {}
    except NoEngineError:
        said = {}
    most = sum(int(i.get("Size") or 0) for i in images.values())
    together = (said or {}).get("LayersSize")
    return most if together is None else min(most, int(together))


def refusal(host: Reader, facts: Facts, desired: Desired, what: str, *, volumes: bool = False) -> Obstacle | None:
    """Return the obstacle if the configuration does not allow hiding what the engine holds, else None."""
    if facts.engine == NONE or desired.image_store.existing == "hide":
        return None
    found = count(host, facts, desired, volumes=volumes)
    if not found.images and not found.containers and not found.all_volumes:
        return None
    hint = "save or push what is needed, then set image_store: {existing: hide}"
    numbers = (("images", len(found.images)), ("containers", len(found.containers)), ("bytes", found.size))
    return Obstacle("would-hide", f"{what} would hide {sentence(found)}", hint, numbers)


def note(host: Reader, facts: Facts, desired: Desired, what: str, *, volumes: bool = False) -> str:
    """Return what a change hides that the configuration allows to hide. Empty if nothing, or if it is not allowed."""
    if facts.engine == NONE or desired.image_store.existing != "hide":
        return ""
    found = count(host, facts, desired, volumes=volumes)
    nothing = not found.images and not found.containers and not found.all_volumes
    return "" if nothing else f"{what} hides {sentence(found)}; a rollback shows them again"


def came_up(host: Reader, facts: Facts, desired: Desired) -> Obstacle | None:
    """Check right before a restart whether it would hide something new.

    ``migrate`` copies images, so only containers count then.
    """
    found = refusal(host, facts, desired, "the restart")
    if found is None or desired.image_store.existing == "refuse":
        return found
    return found if dict(found.numbers)["containers"] else None


def sentence(found: Hidden) -> str:
    """Describe the count in words."""
    named = f" ({', '.join(found.running[:5])} running)" if found.running else ""
    anonymous = counted(found.volumes, "anonymous volume")
    volumes = f", whose {anonymous} a prune would then delete" if found.volumes else ""
    images = f"{counted(len(found.images), 'image')} ({human(found.size)})"
    boxes = counted(len(found.containers), "container")
    more = f", and {counted(found.all_volumes, 'volume')} in all" if found.all_volumes else ""
    return f"{images} and {boxes} of the store in use{named}{volumes}{more}"
