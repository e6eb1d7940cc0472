"""The entries of the cache that hosts are made of, each built when it is first asked for."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tests.hosts import debian, golang, recipes
from tests.hosts.cache import entry


def tree(suite: str) -> Path:
    """A Debian suite with its engine."""
    recipe = recipes.TREES[suite]
    return entry(suite, (recipe, debian.CONFIGURATION), partial(debian.build_tree, recipe))


def buildkit() -> Path:
    """BuildKit's two programs."""
    return _go("buildkit", recipes.BUILDKIT)


def dockerd() -> Path:
    """Engine 29, as a layer of a suite that has the rest of it."""
    return _go("dockerd", recipes.DOCKERD)


def buildx() -> Path:
    """A current buildx, as a layer."""
    return _go("buildx", recipes.BUILDX)


def nfpm() -> Path:
    """The program that writes .deb and .rpm packages."""
    return _go("nfpm", recipes.NFPM) / "nfpm"


def kubernetes() -> Path:
    """A control plane and a kubelet in one program, as a layer. Nine minutes on two idle cores, cold."""
    return _go("kubernetes", recipes.KUBERNETES)


def cluster() -> tuple[Path, ...]:
    """What else a cluster's hosts need, as layers."""
    return _packages("cluster", recipes.CLUSTER, recipes.CLUSTER_TREE)


def programs() -> Path:
    """Single programs of Debian packages, in a folder for each package."""
    suite, wanted = recipe = (recipes.QEMU_SUITE, recipes.PROGRAMS)
    return entry("programs", recipe, partial(debian.fetch, wanted), partial(tree, suite))


def newer_qemu() -> Path:
    """The same emulators of a later suite, to upgrade to."""
    suite, wanted = recipe = (recipes.NEWER_QEMU_SUITE, {"qemu-user": recipes.PROGRAMS["qemu-user"]})
    return entry("newer-programs", recipe, partial(debian.fetch, wanted), partial(tree, suite)) / "qemu-user"


def qemu() -> Path:
    """Static emulators in /usr/bin without their package's registration at boot, as a layer."""
    return programs() / "qemu-user"


def network(suite: str = recipes.QEMU_SUITE) -> tuple[Path, ...]:
    """A client and a server of ssh for hosts of a suite, and openssl for those of QEMU_SUITE, as layers."""
    return _packages(f"network-{suite}", recipes.NETWORK[suite], suite)


def managers() -> tuple[Path, ...]:
    """OpenRC and runit, for hosts of QEMU_SUITE whose first process is not systemd, as layers."""
    return _packages("managers", recipes.MANAGERS)


def rootless() -> tuple[Path, ...]:
    """What an engine of a user's needs, for hosts of QEMU_SUITE, as layers."""
    return _packages("rootless", recipes.ROOTLESS)


def podman() -> Path:
    """Podman with its API's sockets, for hosts of QEMU_SUITE, as a layer."""
    build = partial(debian.add, recipes.PODMAN)
    return entry("podman", (recipes.QEMU_SUITE, recipes.PODMAN), build, partial(tree, recipes.QEMU_SUITE))


def venv() -> tuple[Path, ...]:
    """What `python3 -m venv` needs on a host of QEMU_SUITE, as layers."""
    return _packages("venv", recipes.VENV)


def _packages(name: str, wanted: Mapping[str, tuple[str, ...]], suite: str = recipes.QEMU_SUITE) -> tuple[Path, ...]:
    folder = entry(name, (suite, wanted), partial(debian.fetch, wanted), partial(tree, suite))
    return tuple(folder / package for package in wanted)


def apt(suite: str) -> tuple[Path, ...]:
    """What Ansible needs to install a package on hosts of a suite, as layers."""
    folder = entry(f"apt-{suite}", (suite, recipes.APT), partial(debian.fetch, recipes.APT), partial(tree, suite))
    return tuple(folder / package for package in recipes.APT)


def dnf() -> tuple[Path, ...]:
    """dnf and rpm for hosts of QEMU_SUITE, as a layer: with a database of their own, as on a host that has no other."""
    suite, wanted = recipe = (recipes.QEMU_SUITE, recipes.DNF)
    return (entry("dnf", recipe, partial(debian.add, wanted), partial(tree, suite)),)


def _go(name: str, recipe: recipes.GoPrograms) -> Path:
    return entry(name, (recipe, recipes.GO), partial(golang.build, recipe))
