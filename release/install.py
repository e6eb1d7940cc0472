"""`make install` and `make uninstall`: every file of the layout below DESTDIR and PREFIX.

What an earlier version left is removed first: a list of what was installed lies among the files.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from release import layout, version

LIST = "lib/provisioner/installed"
CONFIGURATION = "/etc/provisioner"
# These programs need to know when their files change. This runs only on the live host.
# # The scripts of a package do the same.
TELL = (
    ("systemd-tmpfiles", "--create", "provisioner.conf"),
    ("journalctl", "--update-catalog"),
    ("systemctl", "daemon-reload"),
)
UNITS = ("provisioner-check.timer", "provisioner-check.service", "provisioner-repair.service")
LIVE = ("/usr", "/usr/local")  # the prefixes where systemd looks for units


def install(destination: Path, prefix: str, python: str) -> None:
    """Write every file, and make the configuration directory. The list also names the directories that this creates."""
    made: list[str] = []
    _forget(destination, prefix)
    for file in (*layout.program(prefix, python, version.version()), *layout.shipped(prefix)):
        path = _place(destination, f"{prefix}/{file.target}", made)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    for name, target in layout.LINKS.items():
        path = _place(destination, f"{prefix}/{name}", made)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    _folder(destination, CONFIGURATION, made)
    if _live(destination, prefix):
        made += _to_come()
    path = _place(destination, f"{prefix}/{LIST}", made)
    path.write_text("".join(f"{name}\n" for name in made))
    if _live(destination, prefix):
        subprocess.run((python, "-Im", "compileall", "-q", f"{prefix}/{layout.PACKAGE}"), check=False)
        _tell()


def uninstall(destination: Path, prefix: str) -> None:
    """Remove every file, and the directories that are then empty. Keep the configuration and the history."""
    live = _live(destination, prefix)
    if live:
        subprocess.run(("systemctl", "disable", "--now", "--quiet", UNITS[0]), check=False)
        subprocess.run(("systemctl", "stop", "--quiet", *UNITS[1:]), check=False)
    if not _forget(destination, prefix):
        raise SystemExit(f"`make install PREFIX={prefix}` installed nothing here: there is no {prefix}/{LIST}")
    if live:
        _tell()


def _place(destination: Path, name: str, made: list[str]) -> Path:
    """Return the path of a file to write. Make its parent directories first."""
    _folder(destination, str(Path(name).parent), made)
    made.append(name)
    return destination / name.lstrip("/")


def _folder(destination: Path, name: str, made: list[str]) -> None:
    path = destination / name.lstrip("/")
    for folder in reversed([path, *path.parents]):
        if destination in folder.parents and not folder.is_dir():
            folder.mkdir(parents=True)
            made.append(f"/{folder.relative_to(destination)}/")


def _to_come() -> list[str]:
    """Return the directories that systemd-tmpfiles is about to make, so that an uninstall removes them, too."""
    lines = (version.ROOT / "systemd/provisioner.tmpfiles.conf").read_text().splitlines()
    wanted = [Path(line.split()[1]) for line in lines if line.startswith("d ")]
    folders = {folder for path in wanted for folder in (path, *path.parents)}
    return [f"{folder}/" for folder in sorted(folders) if not folder.is_dir()]


def _forget(destination: Path, prefix: str) -> bool:
    """Remove what an earlier `make install` wrote. Return False if there was none."""
    below = destination / prefix.lstrip("/")
    try:
        names = (below / LIST).read_text().splitlines()
    except FileNotFoundError:
        shutil.rmtree(below / layout.PACKAGE, ignore_errors=True)  # version 0.1.0 wrote no list
        return False
    for name in reversed(names):
        path = destination / name.lstrip("/")
        if name.endswith("/"):
            shutil.rmtree(path / "__pycache__", ignore_errors=True)
            _rmdir(path)
        else:
            path.unlink(missing_ok=True)
    return True


def _rmdir(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # it contains other files, or it is gone
        return


def _live(destination: Path, prefix: str) -> bool:
    return str(destination) == "/" and prefix in LIVE and Path("/run/systemd/system").is_dir()


def _tell() -> None:
    for argv in TELL:
        subprocess.run(argv, check=False)


def main(arguments: list[str]) -> None:
    """Parse the command line that the Makefile passes."""
    parser = argparse.ArgumentParser(prog="release.install", description=__doc__)
    parser.add_argument("order", choices=("install", "uninstall"))
    parser.add_argument("--destdir", default="")
    parser.add_argument("--prefix", default="/usr/local")
    parser.add_argument("--python", default="/usr/bin/python3")
    read = parser.parse_args(arguments)
    destination = Path(read.destdir or "/").absolute()
    os.umask(0o022)
    if read.order == "install":
        install(destination, read.prefix, read.python)
    else:
        uninstall(destination, read.prefix)


if __name__ == "__main__":
    main(sys.argv[1:])
