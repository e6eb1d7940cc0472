"""The output of `make packages`, cached until a file of the checkout changes."""

import functools
import hashlib
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

from release import archive, packages, version
from tests.hosts import agent, ansible, parts, recipes
from tests.hosts.cache import entry, kept

STAND_IN = {
    "name": "provisioner-test-distribution",
    "arch": "noarch",
    "version": "1",
    "maintainer": "The authors of provisioner",
    "description": "stands for the packages of a distribution",
    "provides": [
        *("python3 = 3.13", "/bin/sh"),
        *("python3-jsonschema = 4.19", "python3-psutil = 5.9", "python3-pyyaml = 6.0"),
    ],
}


@functools.cache
def folder() -> Path:
    """Return the folder of everything that a release of this checkout contains. It stays until this run ends."""
    return kept(
        "dist", (version.version(), packages.when(), _content()), packages.build, parts.nfpm, libraries, ansible.linters
    )


def nfpm() -> Path:
    """Return the program that writes .deb and .rpm packages."""
    return parts.nfpm()


def libraries() -> Path:
    """Return the folder of the libraries that the one-file program contains."""
    return entry("libraries", archive.LIBRARIES, archive.fetch)


def bill() -> Path:
    """Return the Python that has the program for bills of materials."""
    recipe = (recipes.BILL, sys.version)
    return kept("bill", recipe, partial(ansible.build_venv, recipes.BILL)) / "bin/python"


def wheel() -> Path:
    """Return the wheel."""
    return _one("*.whl")


def sdist() -> Path:
    """Return the source archive."""
    return _one("docker_host_provisioner-*.tar.gz")


def collection() -> Path:
    """Return the archive of the collection, which carries the wheel."""
    return _one("provisioner-docker-*.tar.gz")


def number() -> str:
    """Return the version of these packages, even if the checkout has changed since."""
    return sdist().name.removesuffix(".tar.gz").partition("-")[2]


def deb() -> Path:
    """Return Debian's package."""
    return _one("*.deb")


def rpm() -> Path:
    """Return the package for dnf."""
    return _one("*.rpm")


def stand_in() -> Path:
    """Return a package that provides the agent's dependencies, for dnf on a host of another distribution."""
    [found] = entry("stand-in", STAND_IN, _stand_in, parts.nfpm).glob("*.rpm")
    return found


def _stand_in(into: Path, program: Path) -> None:
    configuration = into.parent / "nfpm.json"
    configuration.write_text(json.dumps(STAND_IN))
    argv = (str(program), "package", f"--config={configuration}", "--packager=rpm", f"--target={into}/")
    subprocess.run(argv, check=True, capture_output=True)


def _one(pattern: str) -> Path:
    [found] = folder().glob(pattern)
    return found


def _content() -> str:
    """Return a digest of every file that git tracks or would add."""
    argv = ("git", "-C", str(agent.CHECKOUT), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [agent.CHECKOUT / name for name in sorted(names) if name]
    parts_of = (f"{path}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0" for path in paths if path.is_file())
    return hashlib.sha256("".join(parts_of).encode()).hexdigest()
