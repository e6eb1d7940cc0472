"""Builds the Ansible collection for Galaxy, including the agent's wheel."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from release.version import ROOT

CARRIED = "roles/provisioner/files/agent"


def build(into: Path, wheel: Path, galaxy: Path) -> Path:
    """Write the archive and return its path. ``galaxy`` is the path of the program ansible-galaxy."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "ansible"
        shutil.copytree(ROOT / "ansible", source, symlinks=False)
        (source / CARRIED).mkdir(parents=True)
        shutil.copy(wheel, source / CARRIED)
        argv = (str(galaxy), "collection", "build", f"--output-path={folder}", str(source))
        environment = {"HOME": folder, "PATH": f"{galaxy.parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        subprocess.run(argv, check=True, capture_output=True, env=environment)
        [made] = Path(folder).glob("*.tar.gz")
        return Path(shutil.move(made, into))
