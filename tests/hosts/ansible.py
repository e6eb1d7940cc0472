"""Ansible, installed with pip: as a layer for a controller host, and with its linters for this machine."""

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.hosts import agent, debian, parts, progress, recipes
from tests.hosts.cache import entry, kept

TREE, PYTHON = recipes.ANSIBLE_PYTHON
FOLDER = "opt/ansible-{version}"
TARGETED = ("--python-version", PYTHON, "--implementation=cp", "--only-binary=:all:", "--ignore-requires-python")

# Python's own pip. Otherwise ansible-test downloads a program that installs pip into its environments.
PIP = "import ensurepip\n\nensurepip.bootstrap()\n"
PIP_PLACES = tuple(f".ansible/test/cache/get_pip_{pip.replace('.', '_')}.py" for pip in recipes.ANSIBLE_TEST_PIPS)

# What programs need to reach a package index: the files of this machine, and those that these variables name.
NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf")
NAMED = ("PIP_CERT", "PIP_CONFIG_FILE", "SSL_CERT_FILE")
# Run a command in a tree that shares two folders and the network with this machine. $PWD is a scratch folder, $0 the
# tree's layers, $1 and $2 the folders, $3 files to copy, one per line, and the rest a command, which starts in $2.
INSIDE = """\
mkdir upper work root
mount -t overlay overlay -o "lowerdir=$0,upperdir=upper,workdir=work" root
mount --rbind /dev root/dev
mount -t proc proc root/proc
for folder in "$1" "$2"; do mkdir -p "root$folder"; mount --bind "$folder" "root$folder"; done
printf '%s\\n' "$3" | while read -r file; do mkdir -p "root$(dirname "$file")"; cp -L "$file" "root$file"; done
there=$2
shift 3
exec /usr/sbin/chroot root /bin/sh -ec 'cd "$0"; exec "$@"' "$there" "$@"
"""


def layer(version: str) -> Path:
    """Return a layer with ansible-core for hosts of TREE. Each version has its own folder below /opt."""
    recipe = (version, recipes.ANSIBLE_PYTHON, TARGETED)
    return entry(f"ansible-{version}", recipe, partial(_build, version), partial(parts.tree, TREE), linters)


def environment(version: str) -> dict[str, str]:
    """Return the environment variables that select one of a controller's installed versions."""
    folder = "/" + FOLDER.format(version=version)
    return {"PYTHONPATH": folder, "PATH": f"{folder}/bin:/usr/local/bin:/usr/bin:/bin"}


def linters() -> Path:
    """Return a venv with ansible-core, ansible-lint and ansible-test. Its folder bin must come first in PATH."""
    return kept("ansible-linters", (recipes.LINTERS, sys.version), partial(build_venv, recipes.LINTERS))


def lowest() -> Path:
    """Return a venv with the oldest ansible-core that the collection works with."""
    wanted = (f"ansible-core=={recipes.ANSIBLE_LOWEST}",)
    return kept("ansible-lowest", (wanted, sys.version), partial(build_venv, wanted))


def authors() -> Path:
    """Return a venv with nox for collections, and with the program that builds execution environments.

    They are not in ``linters()``, because galaxy-importer and nox need different versions of a library.
    """
    return kept("ansible-authors", (recipes.AUTHORS, sys.version), partial(build_venv, recipes.AUTHORS))


def run(*argv: str, cwd: Path, home: Path, venv: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program of a venv, or of the system if ``venv`` is None. ``home`` keeps its files for later runs."""
    path = f"{venv}/bin:/usr/bin:/bin"
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    env = {**kept, "PATH": path, "HOME": str(home), "LC_ALL": "C.UTF-8", "ANSIBLE_HOME": f"{home}/.ansible", **more}
    return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=600)


def newest(*argv: str, cwd: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of the newest ansible-core as root, with the Python of TREE. It sees only the two folders."""
    version = recipes.ANSIBLE[-1]
    env = environment(version)
    layers = ":".join(map(str, (layer(version), *parts.venv(), parts.tree(TREE))))
    files = [*NETWORK, *(os.environ.get(name, "") for name in NAMED)]
    there = "\n".join(file for file in files if Path(file).is_file())
    with tempfile.TemporaryDirectory() as scratch:
        script = ("/bin/sh", "-ec", INSIDE, layers, str(home), str(cwd), there)
        return run(
            *debian.CONTAINED,
            *script,
            *argv,
            cwd=Path(scratch),
            home=home,
            PATH=env["PATH"],
            PYTHONPATH=env["PYTHONPATH"],
        )


def home() -> Path:
    """Return a home folder in which ansible-test finds pip and keeps its environments between runs."""
    return kept("ansible-home", (recipes.LINTERS, PIP, PIP_PLACES, sys.version), _build_home)


def _build(version: str, into: Path, tree: Path, venv: Path) -> None:
    log = into.parent / "log"
    folder = into / FOLDER.format(version=version)
    folder.mkdir(parents=True)
    argv = ("install", "--no-compile", "--target", str(folder), *TARGETED, f"ansible-core=={version}")
    progress.run("ansible", (f"{venv}/bin/python", "-m", "pip", *argv), log, tries=progress.DOWNLOADS)
    _shebangs(folder / "bin", "/usr/bin/python3")
    compile_all = ("python3", "-I", "-m", "compileall", "-q", f"/{folder.relative_to(into)}")
    script = ("/bin/sh", "-ec", agent.WRITE_INTO_LAYER, str(tree), str(into), *compile_all)
    progress.run("ansible", (*debian.CONTAINED, *script), log, cwd=into.parent)


def build_venv(wanted: tuple[str, ...], into: Path) -> None:
    """Make a virtual environment with packages of the Python index that also works in another folder."""
    log = into.parent / "log"
    progress.run("venv", (sys.executable, "-m", "venv", "--clear", str(into)), log)
    install = ("install", "--disable-pip-version-check", *wanted)
    progress.run("pip", (f"{into}/bin/python", "-m", "pip", *install), log, tries=progress.DOWNLOADS)
    _shebangs(into / "bin", "/usr/bin/env python3")


def _build_home(into: Path) -> None:
    for place in PIP_PLACES:
        (into / place).parent.mkdir(parents=True, exist_ok=True)
        (into / place).write_text(PIP)


def _shebangs(folder: Path, interpreter: str) -> None:
    """Replace the interpreter in scripts. pip wrote the path of the folder in which they were built."""
    for script in folder.iterdir():
        head, newline, rest = script.read_bytes().partition(b"\n")
        if not script.is_symlink() and head.startswith(b"#!") and b"python" in head:
            script.write_bytes(f"#!{interpreter}".encode() + newline + rest)
