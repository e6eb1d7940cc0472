"""The development environment: a venv with the linters and pytest, based on the distribution's Python.

The venv sees the distribution's modules. The tests therefore use the versions of jsonschema, PyYAML and
systemd-python that hosts have.
"""

import os
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.hosts import cache, packages, progress
from tests.hosts.errors import LackError

CHECKOUT = Path(__file__).resolve().parents[2]
VENV = CHECKOUT / ".venv"
PYTHON = (3, 11)


def develop() -> int:
    """Make or renew the venv if it does not match pyproject.toml."""
    if sys.version_info < PYTHON:
        raise LackError(f"{sys.executable} is older than Python 3.11: use Debian 12, Ubuntu 24.04 or newer")
    if VENV.is_symlink():  # the environment belongs to another checkout, which renews it
        return 0
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    wanted = (*project["dependencies"], *project["optional-dependencies"]["dev"])
    made = VENV / f"made-{cache.digest((wanted, packages.DEVELOPING, sys.version))}"
    if made.exists():
        return 0
    if os.geteuid() == 0 and packages.APT.exists():
        packages.install(packages.DEVELOPING)
    progress.say(f"installing the linters and pytest in {VENV}")
    with tempfile.NamedTemporaryFile() as log:
        make = (sys.executable, "-m", "venv", "--clear", "--system-site-packages", str(VENV))
        progress.run("venv", make, Path(log.name))
        install = (f"{VENV}/bin/python", "-m", "pip", "install", "--disable-pip-version-check", *wanted)
        progress.run("pip", install, Path(log.name), tries=progress.DOWNLOADS)
    made.touch()
    return 0
