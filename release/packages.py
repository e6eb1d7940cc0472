"""Builds everything in a release: wheel, source archive, .deb, .rpm, one-file program, and collection.

The same commit produces the same bytes, because every time stamp is the time of the commit. The collection's archive is
an exception.
"""

import email.utils
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from release import archive, collection, install, layout, version
from release.version import ROOT

NAME = "docker-host-provisioner"
SCRIPTS = ROOT / "release/scripts"
CONFFILE = "/etc/provisioner/provisioner.yaml"
TYPES = {  # the type of a file for a package manager, by the start of its path
    "deb": {CONFFILE: "config|noreplace"},
    "rpm": {
        CONFFILE: "config|noreplace",
        f"/usr/{layout.DOC}/LICENSE": "license",
        f"/usr/{layout.DOC}/": "doc",
        "/usr/share/man/": "doc",
    },
}
SUMMARY = "Makes a Docker host able to build, run and push images for many platforms"
DESCRIPTION = f"""\
{SUMMARY}
It switches Docker to the containerd image store, registers QEMU emulators
that survive a reboot, creates a BuildKit builder, and proves all of it by
building and running an image for each platform. A timer reports what no
longer matches the configuration."""
CHANGES = "What changed is in the changelog beside the documentation."
DEBIAN_CHANGELOG = f"""\
{{name}} ({{version}}-1) unstable; urgency=medium

  * {CHANGES}

 -- {{maintainer}}  {{date}}
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: provisioner
Source: {source}

Files: *
Copyright: 2026 The authors of provisioner
License: Apache-2.0
 The full text is in /usr/share/common-licenses/Apache-2.0 and in LICENSE in this folder.
"""
MAINTAINER = "The authors of provisioner <provisioner@users.noreply.github.com>"

# The package fields, with the names and values that each kind of package uses.
KINDS: dict[str, dict[str, Any]] = {
    "deb": {
        "arch": "all",
        "section": "admin",
        "license": "",  # a .deb has no such field
        "depends": ["python3 (>= 3.11)", "python3-jsonschema (>= 4.10)", "python3-psutil", "python3-yaml (>= 6.0)"],
        "recommends": [
            "docker-buildx | docker-buildx-plugin",
            "python3-rich",
            "python3-systemd",
            "qemu-user-static | qemu-user (>= 1:10)",
        ],
        "scripts": {"postinstall": "deb-postinst.sh", "preremove": "deb-prerm.sh", "postremove": "deb-postrm.sh"},
    },
    "rpm": {
        "arch": "noarch",
        "section": "",
        "license": "Apache-2.0",
        "depends": ["python3 >= 3.11", "python3-jsonschema >= 4.10", "python3-psutil", "python3-pyyaml >= 6.0"],
        "recommends": ["docker-buildx-plugin", "python3-rich", "python3-systemd", "qemu-user-static"],
        "scripts": {"postinstall": "rpm-post.sh", "preremove": "rpm-preun.sh", "postremove": "rpm-postun.sh"},
    },
}


def build(into: Path, nfpm: Path, libraries: Path, galaxy: Path) -> None:
    """Write all parts of a release into a directory.

    ``nfpm`` is the path of that program. ``libraries`` is the directory of the libraries that the one-file program
    contains. ``galaxy`` is a virtual environment with ansible-galaxy.
    """
    text, epoch = version.version(), when()
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    python(into, environment)
    for kind in KINDS:
        system(kind, into, nfpm, text, environment)
    archive.build(into / "provisioner.pyz", libraries, epoch)
    [wheel] = into.glob("*.whl")
    collection.build(into, wheel, galaxy / "bin/ansible-galaxy")
    made = sorted(path for path in into.iterdir() if path.name != "SHA256SUMS")
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made)
    (into / "SHA256SUMS").write_text(sums)


def when() -> int:
    """Return the time stamp for everything built, in seconds: SOURCE_DATE_EPOCH if set, or the time of the commit."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    argv = ("git", "-C", str(ROOT), "log", "-1", "--format=%ct")
    said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
    return int(said or 1795737600)


def python(into: Path, environment: dict[str, str]) -> None:
    """Write the source archive, and a wheel that is built from it."""
    argv = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(into), str(ROOT))
    subprocess.run(argv, check=True, env=environment, stdout=subprocess.DEVNULL)


def system(kind: str, into: Path, nfpm: Path, text: str, environment: dict[str, str]) -> None:
    """Write a package for a distribution's package manager."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        install.install(root, "/usr", "/usr/bin/python3")
        (root / "usr" / install.LIST).unlink()
        epoch = int(environment["SOURCE_DATE_EPOCH"])
        _settle(kind, root, text, epoch)
        configuration = Path(folder) / "nfpm.json"  # nfpm reads YAML, and JSON is valid YAML
        settings = _configuration(kind, root, text, epoch)
        if kind == "rpm":
            settings["changelog"] = str(Path(folder) / "changelog.json")
            entry = {
                "semver": f"{version.debian(text)}-1",
                "date": _rfc3339(epoch),
                "packager": MAINTAINER,
                "changes": [{"note": CHANGES}],
            }
            Path(settings["changelog"]).write_text(json.dumps([entry]))
        configuration.write_text(json.dumps(settings))
        argv = (str(nfpm), "package", f"--config={configuration}", f"--packager={kind}", f"--target={into}/")
        subprocess.run(argv, check=True, env=environment, stdout=subprocess.DEVNULL)


def _settle(kind: str, root: Path, text: str, epoch: int) -> None:
    """Add what only a package has: compressed manual pages, the configuration, and Debian's copyright file."""
    for page in (root / "usr/share/man").rglob("*.[0-9]"):
        page.with_name(f"{page.name}.gz").write_bytes(gzip.compress(page.read_bytes(), mtime=0))
        page.unlink()
    (root / CONFFILE.lstrip("/")).write_bytes(configuration())
    if kind == "deb":
        doc = root / "usr" / layout.DOC
        (doc / "copyright").write_text(COPYRIGHT.format(source=layout.url()))
        (doc / "LICENSE").unlink()  # Debian has this license in /usr/share/common-licenses
        (doc / "changelog.gz").write_bytes(gzip.compress((doc / "CHANGELOG.md").read_bytes(), mtime=0))
        (doc / "CHANGELOG.md").unlink()
        date = email.utils.formatdate(epoch)
        log = DEBIAN_CHANGELOG.format(name=NAME, version=version.debian(text), maintainer=MAINTAINER, date=date)
        (doc / "changelog.Debian.gz").write_bytes(gzip.compress(log.encode(), mtime=0))


def configuration() -> bytes:
    """Return an initial configuration with every setting commented out, so that the defaults stay in effect."""
    argv = (sys.executable, "-m", "provisioner", "init")
    lines = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return "".join(f"{_commented(line)}\n" for line in lines).encode()


def _commented(line: str) -> str:
    return line if not line.strip() or line.lstrip().startswith("#") else f"#{line}"


def _configuration(kind: str, root: Path, text: str, epoch: int) -> dict[str, Any]:
    words = KINDS[kind]
    return {
        "name": NAME,
        "arch": words["arch"],
        "platform": "linux",
        "version": version.debian(text),
        "version_schema": "none",
        "release": "1",
        "section": words["section"],
        "priority": "optional",
        "maintainer": MAINTAINER,
        "description": DESCRIPTION,
        "vendor": "The authors of provisioner",
        "homepage": layout.url(),
        "license": words["license"],
        "mtime": _rfc3339(epoch),
        "depends": words["depends"],
        "recommends": words["recommends"],
        "scripts": {name: str(SCRIPTS / file) for name, file in words["scripts"].items()},
        "contents": _contents(root, TYPES[kind], epoch),
        "rpm": {"summary": SUMMARY, "buildhost": "localhost"},
        "deb": {"compression": "xz"},
    }


def _contents(root: Path, types: dict[str, str], epoch: int) -> list[dict[str, Any]]:
    """Return each file, link and directory of the package in nfpm's format."""
    owned = {"owner": "root", "group": "root", "mtime": _rfc3339(epoch)}
    found: list[dict[str, Any]] = [{"dst": "/etc/provisioner", "type": "dir", "file_info": {**owned, "mode": 0o755}}]
    for path in sorted(root.rglob("*")):
        place = f"/{path.relative_to(root)}"
        if path.is_symlink():
            found.append({"src": str(path.readlink()), "dst": place, "type": "symlink", "file_info": owned})
        elif path.is_file():
            kind = next((kind for start, kind in types.items() if place.startswith(start)), "")
            info = {**owned, "mode": path.stat().st_mode & 0o777}
            found.append({"src": str(path), "dst": place, "type": kind, "file_info": info})
        elif "provisioner" in place and place != "/etc/provisioner":
            found.append({"dst": place, "type": "dir", "file_info": {**owned, "mode": 0o755}})
    return found


def _rfc3339(epoch: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
