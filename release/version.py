"""The version of a build: the number of a release, or a version that names the commit.

provisioner/__init__.py has the number. Between two releases it ends in ".dev0". A build then replaces the 0 with the
number of commits and adds the last commit, for example 0.2.0.dev231+g1a2b3c4d5. The build writes that version into its
own copy of the file, so that a source archive knows it without git.
"""

import re
import subprocess
from pathlib import Path

FILE = "provisioner/__init__.py"
LINE = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
UNRELEASED = ".dev0"
ROOT = Path(__file__).resolve().parents[1]


def version(root: Path = ROOT) -> str:
    """Return the version of a build from ``root``. Outside a git repository, this is the version in the file."""
    said = number((root / FILE).read_text())
    if not said.endswith(UNRELEASED) or not (root / ".git").exists():
        return said
    count, commit = _git(root, "rev-list", "--count", "HEAD"), _git(root, "rev-parse", "--short=9", "HEAD")
    changed = ".changed" if _git(root, "status", "--porcelain", "--untracked-files=no") else ""
    return f"{said.removesuffix('0')}{count}+g{commit}{changed}" if count and commit else said


def number(source: str) -> str:
    """Return the version in the text of FILE.

    Raises: ValueError if the text has no version.
    """
    found = LINE.search(source)
    if not found:
        raise ValueError(f'{FILE} has no line `__version__ = "…"`')
    return found[1]


def stamped(source: str, text: str) -> str:
    """Return the text of FILE with the version replaced."""
    return LINE.sub(f'__version__ = "{text}"', source)


def debian(text: str) -> str:
    """Return a version that Debian and RPM sort correctly: a development version sorts before its release."""
    return text.replace(".dev", "~dev")


def _git(root: Path, *arguments: str) -> str:
    argv = ("git", "-C", str(root), *arguments)
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # git is missing, or does not trust this directory
        return ""
