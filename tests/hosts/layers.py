"""Choose the folders that make a host: layers on top, a tree at the bottom."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.hosts import ansible, mirror, parts, recipes
from tests.hosts.cache import together
from tests.hosts.recipes import ENGINES

LAYERS: dict[str, Callable[[], Path]] = {
    "29": parts.dockerd,
    "alpine": mirror.alpine,
    "buildx": parts.buildx,
    "newer-binfmt": mirror.newer_binfmt,
    "qemu": parts.qemu,
    "registry": mirror.layer,
}


def lowers(engine: str, layers: tuple[str | Path, ...] = ()) -> tuple[Path, ...]:
    """Return the lower folders of a host, topmost first. Builds missing ones, in parallel where that is faster.

    A layer is a name of LAYERS or a folder.
    """
    return tuple(
        together(
            *(_find(layer) for layer in (*layers, *ENGINES[engine].layers, "registry")),
            partial(parts.tree, ENGINES[engine].tree),
        )
    )


def _find(layer: str | Path) -> Callable[[], Path]:
    return LAYERS[layer] if isinstance(layer, str) else lambda: layer


def build_all() -> None:
    """Build every folder that any host may need, so that no test has to wait for one."""
    suites = {engine.tree for engine in ENGINES.values()}
    together(
        *LAYERS.values(),
        parts.kubernetes,
        *(partial(parts.tree, suite) for suite in sorted(suites)),
        *(partial(ansible.layer, version) for version in recipes.ANSIBLE),
    )
