"""What `pip install` gives: the program, the schema, the probes' sources, and nothing that Linux alone has."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TREE = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def build_wheel(folder: Path) -> Path:
    """A wheel, built from a copy, for setuptools leaves its own files beside the sources."""
    shutil.copytree(TREE / "provisioner", folder / "provisioner", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(TREE / name, folder)
    build = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "dist", ".")
    subprocess.run((sys.executable, *build), cwd=folder, check=True, capture_output=True)
    [found] = (folder / "dist").glob("provisioner-*.whl")
    return found


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    sources = {str(p.relative_to(TREE)) for p in (TREE / "provisioner").rglob("*") if p.is_file()}
    wanted = {name for name in sources if "__pycache__" not in name}
    assert wanted <= set(zipfile.ZipFile(wheel).namelist())


def test_the_program_runs_from_the_wheel(wheel: Path) -> None:
    script = "import sys; sys.path.insert(0, sys.argv[1]); from provisioner.cli import main; main.main(['--version'])"
    ran = subprocess.run((sys.executable, "-I", "-c", script, wheel), capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("provisioner 0.")
