"""Builds the agent as one file that needs only Python: a zip archive that contains its libraries.

All libraries are pure Python, so the file runs on every CPU and on every supported Python. It leaves out PyYAML's
compiled part, which is optional. It pins jsonschema to the last version without compiled libraries.
"""

import subprocess
import sys
import time
import zipfile
from pathlib import Path

from release import layout, version
from release.version import ROOT

# Exact versions, so that a commit gives the same bytes at any time. Each must be in Python's own language.
LIBRARIES = ("attrs==26.1.0", "jsonschema==4.17.3", "pyrsistent==0.20.0", "PyYAML==6.0.4")
UNIVERSAL = ("--only-binary=:all:", "--no-compile", "--disable-pip-version-check", "--quiet")
SKIPPED = (".so", ".pyc", ".pyi")
# Notes of pip, which differ between machines and Pythons.
NOTES = ("RECORD", "direct_url.json", "WHEEL", "INSTALLER", "REQUESTED")
MAIN = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("provisioner needs Python 3.11 or newer; this is %d.%d" % sys.version_info[:2])

from provisioner.cli.main import entry

entry()
"""
INTERPRETER = b"#!/usr/bin/env -S python3 -I\n"


def fetch(into: Path) -> None:
    """Install the libraries into a directory."""
    install = (sys.executable, "-m", "pip", "install", *UNIVERSAL, "--target", str(into), *LIBRARIES)
    subprocess.run(install, check=True)


def build(target: Path, libraries: Path, epoch: int) -> None:
    """Write the archive. The same sources and libraries produce the same bytes. ``epoch`` is in seconds."""
    contents = dict(_libraries(libraries))
    contents.update(_package())
    contents["__main__.py"] = MAIN.encode()
    when = time.gmtime(max(epoch, 315532800))[:6]  # zip cannot store a time before 1980
    with target.open("wb") as file:
        file.write(INTERPRETER)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(contents):
                entry = zipfile.ZipInfo(name, when)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, contents[name])
    target.chmod(0o755)


def _libraries(folder: Path) -> list[tuple[str, bytes]]:
    """Return the files of the libraries, including their licenses."""
    paths = (p for p in folder.rglob("*") if p.is_file() and p.suffix not in SKIPPED)
    kept = (p for p in paths if not {"bin", "tests", "__pycache__"} & set(p.relative_to(folder).parts))
    return [(str(p.relative_to(folder)), p.read_bytes()) for p in kept if p.name not in NOTES]


def _package() -> dict[str, bytes]:
    paths = [p for p in (ROOT / "provisioner").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    found = {str(p.relative_to(ROOT)): p.read_bytes() for p in paths}
    found.update({f"provisioner/shipped/{file.target}": file.content for file in layout.shipped("@PREFIX@")})
    stamp = version.stamped(found[version.FILE].decode(), version.version())
    return {**found, version.FILE: stamp.encode(), "LICENSE": (ROOT / "LICENSE").read_bytes()}
