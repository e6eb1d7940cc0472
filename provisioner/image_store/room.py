"""Check that the new store has enough disk space."""

from provisioner.daemon import containerd
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.steps import Obstacle
from provisioner.text.sizes import human

ROOM = 512 << 20  # bytes that the builder's image takes in the new store


def no_room(host: Reader, facts: Facts, size: int) -> Obstacle | None:
    """Return the obstacle if the new store has no space for ``size`` bytes of images, else None."""
    if facts.inside:
        return None  # the engine's disk is not this host's
    return lack(host, containerd.root(host, facts), ROOM + 2 * size, "the images need there")  # compressed and unpacked


def lack(host: Reader, folder: str, need: int, what: str) -> Obstacle | None:
    """Return the obstacle if a folder has less than ``need`` bytes free, else None."""
    free = host.free(folder)
    message = f"{folder} has {human(free)} free of the {human(need)} that {what}"
    return None if free >= need else Obstacle("no-room", message, "make room", (("free", free), ("needed", need)))
