"""Whether the new store has room for what it is to hold."""

from provisioner.daemon import containerd
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.steps import Obstacle
from provisioner.text.sizes import human

ROOM = 512 << 20  # bytes that the builder's image takes in the new store


def no_room(host: Reader, facts: Facts, size: int) -> Obstacle | None:
    """Why the new store has no room for images of a size; None: it has."""
    if facts.inside:
        return None  # its disk is not this host's
    return lack(host, containerd.root(host, facts), ROOM + 2 * size, "the images need there")  # blobs, and unpacked


def lack(host: Reader, folder: str, need: int, what: str) -> Obstacle | None:
    """Why a folder has no room for ``need`` bytes; None: it has."""
    free = host.free(folder)
    message = f"{folder} has {human(free)} free of the {human(need)} that {what}"
    return None if free >= need else Obstacle("no-room", message, "make room", (("free", free), ("needed", need)))
