"""Where each file of the sources goes on a host. Every installation method uses this.

Targets are relative to the prefix. @PREFIX@ in a file is replaced with the prefix.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from release import completion, links, manual, version
from release.version import ROOT

PACKAGE = "lib/provisioner/provisioner"
PROGRAM = "bin/provisioner"
UNITS = "lib/systemd/system"
DOC = "share/doc/docker-host-provisioner"

# Pattern below the source root, directory that targets are relative to, and directory on the host.
SHIPPED = (
    ("systemd/*.service", "systemd", UNITS),
    ("systemd/*.timer", "systemd", UNITS),
    ("systemd/examples/**/*", "systemd", DOC),
    ("monitoring/*.yml", "monitoring", "share/provisioner/monitoring"),
    ("monitoring/*.json", "monitoring", "share/provisioner/monitoring"),
    ("docs/*.md", "docs", DOC),
    ("docs/pictures/*.svg", "docs", DOC),
    ("docs/pictures/*.png", "docs", DOC),
    ("README.md", "", DOC),
    ("CHANGELOG.md", "", DOC),
    ("LICENSE", "", DOC),
)
RENAMED = {
    "systemd/provisioner.tmpfiles.conf": "lib/tmpfiles.d/provisioner.conf",
    "systemd/provisioner.catalog": "lib/systemd/catalog/provisioner.catalog",
}
# The undo of an interrupted apply must run at the next boot without anyone's help.
LINKS = {
    f"{UNITS}/sysinit.target.wants/provisioner-recover.service": "../provisioner-recover.service",
    f"{UNITS}/multi-user.target.wants/provisioner-recovered.service": "../provisioner-recovered.service",
}
TESTS_OF_ALERTS = "alerts_test.yml"

# The version check comes first and uses only syntax that every Python 3 understands.
LAUNCHER = """\
#!{python} -IS
import sys

if sys.version_info < (3, 11):
    sys.exit("provisioner needs Python 3.11 or newer; {python} is %d.%d" % sys.version_info[:2])

import gc

gc.disable()
sys.path.insert(0, "{library}")

from provisioner.cli.main import entry

entry()
"""


class File(NamedTuple):
    """A file to install: its path below the prefix, its content, and its mode."""

    target: str
    content: bytes
    mode: int = 0o644


def shipped(prefix: str, root: Path = ROOT) -> Iterator[File]:
    """Yield every file except the program itself."""
    placed = dict(_places(root))
    for name, target in placed.items():
        content = _placed(root / name, prefix)
        if name.endswith(".md"):
            content = links.rewritten(content.decode(), name, placed, url(root)).encode()
        yield File(target, content)
    for name, target in RENAMED.items():
        yield File(target, _placed(root / name, prefix))
    for name, text in manual.pages(root):
        yield File(f"share/man/{name}", text.encode())
    for place, text in completion.scripts():
        yield File(place, text.encode())


def program(prefix: str, python: str, text: str, root: Path = ROOT) -> Iterator[File]:
    """Yield the files of the package and its launcher. ``text`` is the version to write into the package."""
    for path in sorted((root / "provisioner").rglob("*")):
        name = str(path.relative_to(root))
        if path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            if name == version.FILE:
                content = version.stamped(content.decode(), text).encode()
            yield File(f"lib/provisioner/{name}", content)
    launcher = LAUNCHER.format(python=python, library=f"{prefix}/lib/provisioner")
    yield File(PROGRAM, launcher.encode(), 0o755)


def _places(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the path of each file of SHIPPED in the sources, and its target."""
    for pattern, base, folder in SHIPPED:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and path.name != TESTS_OF_ALERTS:
                yield str(path.relative_to(root)), f"{folder}/{path.relative_to(root / base)}"


def _placed(path: Path, prefix: str) -> bytes:
    return path.read_bytes().replace(b"@PREFIX@", prefix.encode())


def url(root: Path = ROOT) -> str:
    """Return the URL of the project's sources. pyproject.toml is the only place that defines it."""
    said: str = tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]["Source"]
    return said
