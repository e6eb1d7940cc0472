"""The folders that hosts are made of: trees below, layers above, each an entry of the cache."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.hosts import debian, golang, hub, images, progress, recipes
from tests.hosts.cache import entry, together
from tests.hosts.registry import Storage

CONFIGURATION = {
    "etc/docker/registry/config.yml": f"""\
version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/docker-registry
  delete:
    enabled: true
http:
  addr: {recipes.REGISTRY}
""",
    # Root's: the layer's files are, and the package's user could not push over them.
    "etc/systemd/system/docker-registry.service.d/hosts.conf": "[Service]\nUser=root\n",
    "etc/systemd/system/docker.service.d/hosts.conf": "[Unit]\nAfter=docker-registry.service\n",
    # Not in daemon.json, which is left to what is tested.
    "etc/default/docker": f'DOCKER_OPTS="--registry-mirror=http://{recipes.REGISTRY}"\n',
}


def lowers(engine: str, layers: tuple[str, ...] = ()) -> tuple[Path, ...]:
    """The lower folders of a host, topmost first. What is missing is built, at the same time where that is faster."""
    names = (*layers, *recipes.ENGINES[engine].layers, "registry")
    tree = recipes.ENGINES[engine].tree
    return tuple(together(*(LAYERS[name] for name in names), partial(build_tree, tree)))


IMAGES = (recipes.BUILDKIT_IMAGE, recipes.BINFMT_IMAGE)


def build_tree(suite: str) -> Path:
    """A suite's tree."""
    recipe = recipes.TREES[suite]
    return entry(suite, (recipe, debian.CONFIGURATION), partial(debian.build_tree, recipe))


def _go(name: str, recipe: recipes.GoPrograms) -> Path:
    return entry(name, (recipe, recipes.GO), partial(golang.build, recipe))


def _packages() -> Path:
    """Packages of which a few files are wanted, each unpacked in a folder of its name."""
    suite, packages = recipe = (recipes.QEMU_SUITE, recipes.PACKAGES_BESIDE)
    return entry("packages", recipe, partial(debian.fetch, suite, packages), partial(build_tree, suite))


def _qemu() -> Path:
    """Static emulators in /usr/bin, without the package's registration at boot."""

    def build(into: Path, packages: Path) -> None:
        (into / "usr/bin").mkdir(parents=True)
        for name in recipes.QEMU:
            shutil.copy2(packages / "qemu-user/usr/bin" / name, into / "usr/bin")

    return entry("qemu", (recipes.QEMU_SUITE, recipes.QEMU), build, _packages)


def _registry() -> Path:
    """A registry on the host's loopback that serves Docker Hub's names to its engine."""

    def build(into: Path) -> None:
        for path, text in CONFIGURATION.items():
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            (into / path).write_text(text)
        storage = Storage(into / "var/lib/docker-registry")
        if not _copied(storage):
            _make_images(storage)

    recipe = (IMAGES, recipes.BUILDKIT, recipes.QEMU_SUITE, recipes.QEMU, images.BINFMT, CONFIGURATION)
    return entry("registry", recipe, build)


def _copied(storage: Storage) -> bool:
    if not hub.answers():
        return False
    try:
        for image in IMAGES:
            for tag in image.tags:
                progress.say(f"registry: copying {image.name}:{tag} from Docker Hub")
                hub.copy(storage, image.name, tag, images.ARCHITECTURE)
    except OSError as problem:  # a rate limit, say
        progress.say(f"registry: Docker Hub refused: {problem}")
        return False
    return True


def _make_images(storage: Storage) -> None:
    """Make what Docker Hub would have."""
    buildkit = partial(_go, "buildkit", recipes.BUILDKIT)
    programs, tree, emulators, packages = together(buildkit, partial(build_tree, recipes.QEMU_SUITE), _qemu, _packages)
    busybox = packages / "busybox-static/usr/bin/busybox"
    images.add_buildkit(storage, recipes.BUILDKIT_IMAGE, programs / "usr/bin", tree, busybox)
    images.add_binfmt(storage, recipes.BINFMT_IMAGE, emulators / "usr/bin", busybox)


LAYERS: dict[str, Callable[[], Path]] = {
    "registry": _registry,
    "qemu": _qemu,
    "29": partial(_go, "dockerd", recipes.DOCKERD),
    "buildx": partial(_go, "buildx", recipes.BUILDX),
}
