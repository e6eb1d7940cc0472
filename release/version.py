"""The version of a build: the number of a release, or one that names the commit.

The number stands in provisioner/__init__.py. Between two releases it ends in ".dev0"; a build then has the number of
commits in its place and names the last of them, for example 0.2.0.dev231+g1a2b3c4d5. The build's own copy of the file
has that version, so that an archive of the sources knows it without git.
"""

import re
import subprocess
from pathlib import Path

FILE = "provisioner/__init__.py"
LINE = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
UNRELEASED = ".dev0"
ROOT = Path(__file__).resolve().parents[1]


def version(root: Path = ROOT) -> str:
    """Return the version of what is built from ``root``. Outside git it is what the file says."""
    said = number((root / FILE).read_text())
    if not said.endswith(UNRELEASED) or not (root / ".git").exists():
        return said
    count, commit = _git(root, "rev-list", "--count", "HEAD"), _git(root, "rev-parse", "--short=9", "HEAD")
    changed = ".changed" if _git(root, "status", "--porcelain", "--untracked-files=no") else ""
    return f"{said.removesuffix('0')}{count}+g{commit}{changed}" if count and commit else said


def number(source: str) -> str:
    """Return the version that a text of FILE states. ValueError: it states none."""
    found = LINE.search(source)
    if not found:
        raise ValueError(f'{FILE} has no line `__version__ = "…"`')
    return found[1]


def stamped(source: str, text: str) -> str:
    """Return the text of FILE with a version put in."""
    return LINE.sub(f'__version__ = "{text}"', source)


def debian(text: str) -> str:
    """Return a version as Debian and RPM compare it: what is not released yet comes before its release."""
    return text.replace(".dev", "~dev")


def _git(root: Path, *arguments: str) -> str:
    argv = ("git", "-C", str(root), *arguments)
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no git here, or a folder that git does not trust
        return ""
