"""The cache entries that hosts are made of. Each is built on first use."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tests.hosts import debian, golang, recipes
from tests.hosts.cache import entry


def tree(suite: str) -> Path:
    """Return a suite of Debian or Ubuntu with its engine."""
    recipe = recipes.TREES[suite]
    needs = (keyring,) if isinstance(recipe, recipes.Ubuntu) else ()
    return entry(suite, (recipe, debian.CONFIGURATION), partial(debian.build_tree, recipe), *needs)


def keyring() -> Path:
    """Return the file of the keys that sign Ubuntu's archive."""
    wanted = recipes.UBUNTU_KEYRING
    folder = entry("ubuntu-keyring", wanted, partial(debian.fetch, wanted), partial(tree, recipes.QEMU_SUITE))
    return folder / "ubuntu-keyring/usr/share/keyrings/ubuntu-archive-keyring.gpg"


def buildkit() -> Path:
    """Return BuildKit's two programs."""
    return _go("buildkit", recipes.BUILDKIT)


def foreign_buildkit(architecture: str) -> Path:
    """Return BuildKit's two programs for another CPU."""
    build = partial(golang.build, recipes.BUILDKIT, architecture=architecture)
    return entry(f"buildkit-{architecture}", (recipes.BUILDKIT, recipes.GO), build)


def dockerd() -> Path:
    """Return Engine 29 as a layer for a suite that has everything else it needs."""
    return _go("dockerd", recipes.DOCKERD)


def buildx() -> Path:
    """Return a current buildx as a layer."""
    return _go("buildx", recipes.BUILDX)


def nfpm() -> Path:
    """Return the program that writes .deb and .rpm packages."""
    return _go("nfpm", recipes.NFPM) / "nfpm"


def actionlint() -> Path:
    """Return the linter of GitHub's workflows."""
    return _go("actionlint", recipes.ACTIONLINT) / "actionlint"


def kubernetes() -> Path:
    """Return a control plane and a kubelet in one program, as a layer. Takes nine minutes on two cores, uncached."""
    return _go("kubernetes", recipes.KUBERNETES)


def cluster() -> tuple[Path, ...]:
    """Return the other layers that hosts of a cluster need."""
    return _packages("cluster", recipes.CLUSTER, recipes.CLUSTER_TREE)


def programs() -> Path:
    """Return single programs of Debian packages, in a folder for each package."""
    suite, wanted = recipe = (recipes.QEMU_SUITE, recipes.PROGRAMS)
    return entry("programs", recipe, partial(debian.fetch, wanted), partial(tree, suite))


def newer_qemu() -> Path:
    """Return the same emulators of a later suite, for tests of upgrades."""
    suite, wanted = recipe = (recipes.NEWER_QEMU_SUITE, {"qemu-user": recipes.PROGRAMS["qemu-user"]})
    return entry("newer-programs", recipe, partial(debian.fetch, wanted), partial(tree, suite)) / "qemu-user"


def qemu() -> Path:
    """Return static emulators in /usr/bin as a layer, without the package's registration at boot."""
    return programs() / "qemu-user"


def network(suite: str = recipes.QEMU_SUITE) -> tuple[Path, ...]:
    """Return an ssh client and server for hosts of a suite, and openssl for those of QEMU_SUITE, as layers."""
    return _packages(f"network-{suite}", recipes.NETWORK[suite], suite)


def foreign_network(architecture: str) -> tuple[Path, ...]:
    """Return the same layers of QEMU_SUITE for another CPU."""
    suite = recipes.QEMU_SUITE
    build = partial(debian.fetch, recipes.NETWORK[suite], architecture=architecture)
    folder = entry(f"network-{suite}-{architecture}", recipes.NETWORK[suite], build, partial(tree, suite))
    return tuple(folder / package for package in recipes.NETWORK[suite])


def managers() -> tuple[Path, ...]:
    """Return OpenRC and runit as layers, for hosts of QEMU_SUITE whose first process is not systemd."""
    return _packages("managers", recipes.MANAGERS)


def rootless() -> tuple[Path, ...]:
    """Return the layers that a user's own engine needs, for hosts of QEMU_SUITE."""
    return _packages("rootless", recipes.ROOTLESS)


def podman() -> Path:
    """Return Podman with its API's sockets as a layer, for hosts of QEMU_SUITE."""
    build = partial(debian.add, recipes.PODMAN)
    return entry("podman", (recipes.QEMU_SUITE, recipes.PODMAN), build, partial(tree, recipes.QEMU_SUITE))


def lxc() -> Path:
    """Return LXC as a layer, for hosts of QEMU_SUITE that hold system containers."""
    return entry(
        "lxc", (recipes.QEMU_SUITE, recipes.LXC), partial(debian.add, recipes.LXC), partial(tree, recipes.QEMU_SUITE)
    )


def becoming_root() -> Path:
    """Return the programs by which a user becomes root as a layer, for hosts of QEMU_SUITE."""
    build = partial(debian.add, recipes.BECOMING_ROOT)
    return entry("becoming-root", (recipes.QEMU_SUITE, recipes.BECOMING_ROOT), build, partial(tree, recipes.QEMU_SUITE))


def venv() -> tuple[Path, ...]:
    """Return the layers that `python3 -m venv` needs on a host of QEMU_SUITE."""
    return _packages("venv", recipes.VENV)


def _packages(name: str, wanted: Mapping[str, tuple[str, ...]], suite: str = recipes.QEMU_SUITE) -> tuple[Path, ...]:
    folder = entry(name, (suite, wanted), partial(debian.fetch, wanted), partial(tree, suite))
    return tuple(folder / package for package in wanted)


def apt(suite: str) -> tuple[Path, ...]:
    """Return the layers that Ansible needs to install a package on hosts of a suite."""
    folder = entry(f"apt-{suite}", (suite, recipes.APT), partial(debian.fetch, recipes.APT), partial(tree, suite))
    return tuple(folder / package for package in recipes.APT)


def dnf() -> tuple[Path, ...]:
    """Return dnf and rpm as a layer for hosts of QEMU_SUITE, with their own database."""
    suite, wanted = recipe = (recipes.QEMU_SUITE, recipes.DNF)
    return (entry("dnf", recipe, partial(debian.add, wanted), partial(tree, suite)),)


def rpmlint() -> Path:
    """Return the linter of .rpm packages as a layer for hosts of QEMU_SUITE."""
    suite, wanted = recipe = (recipes.QEMU_SUITE, recipes.RPMLINT)
    return entry("rpmlint", recipe, partial(debian.add, wanted), partial(tree, suite))


def cloud() -> Path:
    """Return cloud-init and curl as a layer for hosts of QEMU_SUITE. Its units are not enabled."""
    suite, wanted = recipe = (recipes.QEMU_SUITE, recipes.CLOUD)
    return entry("cloud", recipe, partial(debian.add, wanted), partial(tree, suite))


def package_managers() -> Path:
    """Return dnf, zypper and pacman as a layer for hosts of QEMU_SUITE, and what makes repositories for them."""
    suite, wanted = recipe = (recipes.QEMU_SUITE, recipes.PACKAGE_MANAGERS)
    return entry("package-managers", recipe, partial(debian.add, wanted), partial(tree, suite))


def _go(name: str, recipe: recipes.GoPrograms) -> Path:
    return entry(name, (recipe, recipes.GO), partial(golang.build, recipe))
