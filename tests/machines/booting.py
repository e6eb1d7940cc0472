"""Start a machine for the duration of a ``with`` block, in seconds, from its saved memory."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from tests.hosts import agent as checkout
from tests.hosts import machine as here
from tests.hosts import packages, progress, room
from tests.hosts.cache import entry
from tests.hosts.recipes import ENGINES
from tests.machines import kernels, qemu
from tests.machines.disks import disks
from tests.machines.images import copy, overlay, plain
from tests.machines.machine import Machine
from tests.machines.recipes import MACHINES, PACKAGES, Recipe
from tests.machines.volatile import Disk

IMAGES = ("disk.img", "data.img")


@contextlib.contextmanager
def boot(
    name: str = "trixie",
    *,
    agent: bool = False,
    files: Mapping[str, str | bytes] | None = None,
    volatile: bool = False,
    tap: str = "",
) -> Iterator[Machine]:
    """Yield a booted machine of recipes.MACHINES, which is deleted at the end.

    ``agent`` installs this checkout's agent. ``files`` are written to the machine. With ``volatile``, a power cut loses
    what the machine has not flushed. ``tap`` names the other end of its network device on this computer, see lan.py. No
    saved machine has one, so such a machine boots, which takes a minute or two.

    Raises: LackError if this computer cannot run such a machine.
    """
    here.check()
    packages.install(PACKAGES)
    room.remove_abandoned()
    recipe = MACHINES[name]
    state, kernel = saved(name), kernels.kernel(recipe.kernel, recipe.architecture)
    with contextlib.closing(Machine(name, recipe, kernel)) as made:
        images = [state / image for image in IMAGES if (state / image).exists()]
        made.disks = tuple(overlay(image, made.folder / f"{n}.qcow2", n) for n, image in enumerate(images))
        if volatile:
            made.volatile = Disk(images[0], made.folder / "disk")
            made.disks = (made.volatile.device(0), *made.disks[1:])
        made.tap = tap
        if tap:
            made.boot()
        else:
            made.resume(state / "memory")
        furnish(made, agent=agent, files=files)
        yield made


def prepare(names: Iterable[str]) -> None:
    """Save machines, so that no test waits for one to boot."""
    here.check()
    packages.install(PACKAGES)
    for name in names:
        saved(name)


def furnish(made: Machine, *, agent: bool, files: Mapping[str, str | bytes] | None) -> None:
    """Install on a machine what a test needs there."""
    if agent:
        made.unpack(checkout.layer(ENGINES[made.recipe.engine].tree))
    for path, content in (files or {}).items():
        made.put(path, content)
    if agent or files:
        made.run("systemctl", "daemon-reload", check=True)
        made.run("sync", check=True)


def saved(name: str) -> Path:
    """Return a folder with ``memory`` and the disks, both saved right after a boot."""
    recipe = MACHINES[name]
    kernel = kernels.kernel(recipe.kernel, recipe.architecture)
    images = disks(name, recipe)
    content = (images, qemu.version(recipe, kernel))
    return entry(f"saved-{name}", content, partial(_save, name, recipe, kernel, images))


def _save(name: str, recipe: Recipe, kernel: Path, images: Path, into: Path) -> None:
    with contextlib.closing(Machine(name, recipe, kernel)) as made:
        for image in images.glob("*.img"):
            copy(image, into / image.name)
        made.disks = tuple(plain(into / image, n) for n, image in enumerate(IMAGES) if (into / image).exists())
        started = time.monotonic()
        made.boot()
        progress.say(f"{name}: booted in {time.monotonic() - started:.0f} s")
        made.save(into / "memory")
