"""What `make packages` writes, kept in the cache until a file of the checkout changes."""

import hashlib
import subprocess
from pathlib import Path

from release import archive, packages, version
from tests.hosts import agent, parts
from tests.hosts.cache import entry


def folder() -> Path:
    """Return the folder of everything that a release of this checkout consists of."""
    return entry("dist", (version.version(), packages.when(), _content()), packages.build, parts.nfpm, libraries)


def nfpm() -> Path:
    """Return the program that writes .deb and .rpm packages."""
    return parts.nfpm()


def libraries() -> Path:
    """Return the folder of the libraries that the one-file program has inside."""
    return entry("libraries", archive.LIBRARIES, archive.fetch)


def wheel() -> Path:
    """Return the wheel."""
    return _one("*.whl")


def sdist() -> Path:
    """Return the source archive."""
    return _one("*.tar.gz")


def deb() -> Path:
    """Return Debian's package."""
    return _one("*.deb")


def rpm() -> Path:
    """Return the package for dnf."""
    return _one("*.rpm")


def _one(pattern: str) -> Path:
    [found] = folder().glob(pattern)
    return found


def _content() -> str:
    """Return a digest of every file that git has or would take."""
    argv = ("git", "-C", str(agent.CHECKOUT), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [agent.CHECKOUT / name for name in sorted(names) if name]
    parts_of = (f"{path}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0" for path in paths if path.is_file())
    return hashlib.sha256("".join(parts_of).encode()).hexdigest()
