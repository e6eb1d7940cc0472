"""State volumes that no container uses any more: the caches of builders that are gone."""

from collections.abc import Iterator
from typing import NamedTuple

from provisioner.buildx import container
from provisioner.model import Reader


class LeftOver(NamedTuple):
    """A state volume, how many bytes it holds (None: the engine does not say), and whether the builder was ours."""

    volume: str
    size: int | None
    ours: bool


def volumes(host: Reader, socket: str, builders: frozenset[str]) -> tuple[LeftOver, ...]:
    """What is left over; ``builders`` are the names that were ours. The engine measures, which takes a while."""
    return tuple(_volumes(host, socket, builders))


def _volumes(host: Reader, socket: str, builders: frozenset[str]) -> Iterator[LeftOver]:
    ours = {container.volume(f"{name}0") for name in builders}
    for found in (host.get(socket, "/system/df?type=volume") or {}).get("Volumes") or ():
        name, usage = str(found["Name"]), found.get("UsageData") or {}
        if name.startswith("buildx_buildkit_") and name.endswith("_state") and usage.get("RefCount") == 0:
            size = usage.get("Size", -1)
            yield LeftOver(name, size if size >= 0 else None, name in ours)
