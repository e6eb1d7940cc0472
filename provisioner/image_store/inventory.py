"""What a switch of the image store would put out of sight, counted before it is done. Nothing is ever deleted."""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from provisioner.config.desired import Desired
from provisioner.daemon import policy
from provisioner.engine.facts import Facts
from provisioner.errors import NoEngineError
from provisioner.image_store import room
from provisioner.model import Reader
from provisioner.steps import Obstacle
from provisioner.text.sizes import human

ANONYMOUS = re.compile(r"[0-9a-f]{64}")


class Hidden(NamedTuple):
    """The images in use now, those of our own builder left out, their size on disk, and everybody's containers."""

    images: tuple[Mapping[str, Any], ...]
    size: int
    containers: tuple[Mapping[str, Any], ...]
    volumes: int

    @property
    def running(self) -> list[str]:
        """The names of the containers that run."""
        return sorted(policy.name(c) for c in self.containers if c.get("State") == "running")


def count(host: Reader, facts: Facts, desired: Desired) -> Hidden:
    """Look at the store in effect."""
    every = host.get(facts.socket, "/containers/json?all=1") or ()
    others = policy.others(host, facts, desired)
    ids = {c["Id"] for c in others}
    ours = {c.get("ImageID") for c in every if c["Id"] not in ids}
    images = {i["Id"]: i for i in host.get(facts.socket, "/images/json") or () if i["Id"] not in ours}
    mounts = [m for c in others for m in c.get("Mounts") or ()]
    anonymous = {m["Name"] for m in mounts if m.get("Type") == "volume" and ANONYMOUS.fullmatch(m.get("Name") or "")}
    return Hidden(tuple(images.values()), _size(host, facts, images.values()), tuple(others), len(anonymous))


def _size(host: Reader, facts: Facts, images: Collection[Mapping[str, Any]]) -> int:
    """What images take on the disk; where it takes the engine too long to say, at most: with what they share twice."""
    try:
        said = host.get(facts.socket, "/system/df?type=image") if images else {"LayersSize": 0}
    except NoEngineError:
        said = None
    return sum(int(i.get("Size") or 0) for i in images) if said is None else int(said.get("LayersSize") or 0)


def refusal(host: Reader, facts: Facts, desired: Desired) -> Obstacle | None:
    """What the configuration has against hiding it, and what the disk has; None: nothing."""
    found = count(host, facts, desired)
    if desired.image_store.existing == "refuse" and (found.images or found.containers):
        hint = "save or push what is needed, then say image_store: {existing: hide}"
        numbers = (("images", len(found.images)), ("containers", len(found.containers)), ("bytes", found.size))
        return Obstacle("would-hide", f"the switch would hide {sentence(found)}", hint, numbers)
    return room.no_room(host, facts, 0)


def sentence(found: Hidden) -> str:
    """The count, in words."""
    named = f" ({', '.join(found.running[:5])} running)" if found.running else ""
    volumes = f", whose {found.volumes} anonymous volumes a prune would then delete" if found.volumes else ""
    images = f"{len(found.images)} images ({human(found.size)})"
    return f"{images} and {len(found.containers)} containers of the store in use{named}{volumes}"
