"""A registry on each host's loopback that serves Docker Hub's names, as a layer. Pulls are therefore real."""

from functools import partial
from pathlib import Path

from tests.hosts import debian, hub, images, parts, progress, recipes
from tests.hosts.cache import entry, together
from tests.hosts.registry import Storage

IMAGES = (recipes.BUILDKIT_IMAGE, recipes.BINFMT_IMAGE)

FILES = {
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
    # It runs as root, because root owns the layer's files and the package's own user could not push to them.
    "etc/systemd/system/docker-registry.service.d/hosts.conf": "[Service]\nUser=root\n",
    "etc/systemd/system/docker.service.d/hosts.conf": "[Unit]\nAfter=docker-registry.service\n",
    # Not in daemon.json, because tests change that file.
    "etc/default/docker": f'DOCKER_OPTS="--registry-mirror=http://{recipes.REGISTRY}"\n',
}


def layer() -> Path:
    """Return the registry's configuration and storage. If Docker Hub is reachable, the images come from there."""
    recipe = (FILES, IMAGES, images.BINFMT, recipes.BUILDKIT, recipes.QEMU_SUITE, recipes.PROGRAMS)
    return entry("registry", recipe, _build)


def alpine() -> Path:
    """Return a layer that adds an image with a shell, for several platforms, to a host's registry."""
    recipe = (recipes.ALPINE_IMAGE, recipes.ALPINE_ARCHITECTURES, images.APPLETS, recipes.QEMU_SUITE)
    return entry("alpine", recipe, _build_alpine, partial(parts.tree, recipes.QEMU_SUITE))


def _build_alpine(into: Path, tree: Path) -> None:
    found = {}
    for name in recipes.ALPINE_ARCHITECTURES:
        folder = into.parent / name
        (folder / "files").mkdir(parents=True)
        debian.fetch(recipes.ALPINE_SHELL, folder / "files", tree, architecture=name)
        [package] = recipes.ALPINE_SHELL
        found[name] = folder / "files" / package / "usr/bin/busybox"
    images.add_shell(Storage(into / "var/lib/docker-registry"), recipes.ALPINE_IMAGE, found)


def newer_binfmt() -> Path:
    """Return a layer that adds a tonistiigi/binfmt with a later QEMU to a host's registry."""
    recipe = (recipes.NEWER_BINFMT_IMAGE, images.BINFMT, recipes.NEWER_QEMU_SUITE, recipes.PROGRAMS)
    return entry("newer-binfmt", recipe, _build_newer)


def _build_newer(into: Path) -> None:
    storage = Storage(into / "var/lib/docker-registry")
    if not (hub.answers() and _copy(storage, (recipes.NEWER_BINFMT_IMAGE,))):
        emulators, programs = together(parts.newer_qemu, parts.programs)
        busybox = programs / "busybox-static/usr/bin/busybox"
        images.add_binfmt(storage, recipes.NEWER_BINFMT_IMAGE, emulators / "usr/bin", busybox)


def _build(into: Path) -> None:
    for path, text in FILES.items():
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (into / path).write_text(text)
    storage = Storage(into / "var/lib/docker-registry")
    if not (hub.answers() and _copy(storage, IMAGES)):
        progress.say("registry: Docker Hub is out of reach, so its two images are made here")
        _make(storage)


def _copy(storage: Storage, wanted: tuple[recipes.Image, ...]) -> bool:
    try:
        for image in wanted:
            for tag in image.tags:
                progress.say(f"registry: copying {image.name}:{tag} from Docker Hub")
                hub.copy(storage, image.name, tag, images.ARCHITECTURE)
    except OSError as problem:  # for example a rate limit
        progress.say(f"registry: Docker Hub answered {problem}")
        return False
    return True


def _make(storage: Storage) -> None:
    tree = partial(parts.tree, recipes.QEMU_SUITE)
    buildkit, programs, debian = together(parts.buildkit, parts.programs, tree)
    busybox = programs / "busybox-static/usr/bin/busybox"
    images.add_buildkit(storage, recipes.BUILDKIT_IMAGE, buildkit / "usr/bin", debian, busybox)
    images.add_binfmt(storage, recipes.BINFMT_IMAGE, programs / "qemu-user/usr/bin", busybox)
