"""Make Debian trees and download single packages, with the machine's own apt configuration.

No archive is hard-coded. A Debian machine's apt sources name one, and elsewhere debootstrap has a default.
"""

import os
import platform
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.hosts import progress
from tests.hosts.recipes import Tree, Ubuntu

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# With these options, a killed build leaves neither mounts nor processes.
CONTAINED = ("/usr/bin/unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child")

CONFIGURATION = {
    "etc/dpkg/dpkg.cfg.d/hosts": "force-unsafe-io\n",  # saves a third of the time; a broken build is discarded anyway
    "etc/apt/apt.conf.d/hosts": 'Acquire::Check-Valid-Until "false";\nAPT::Install-Recommends "false";\n',
}

# debootstrap copies these from the machine on which it runs.
UNWANTED = ("etc/resolv.conf", "etc/hostname", "etc/machine-id", "var/lib/dbus/machine-id")
PRESENT = (
    "var/log/journal",  # so that the journal survives a power cut
    "var/lib/docker",
    "var/lib/containerd",
    "etc/docker",
)

# $0 is a package, $1 a folder, and the rest are the wanted files.
UNPACK = 'folder=$1; shift; dpkg-deb --fsys-tarfile "$0" | tar --extract --directory="$folder" "$@"'

ONE_AT_A_TIME = threading.Lock()  # dpkg keeps one CPU busy; the others are for Go

FAR_FUTURE = 4102444800  # the year 2100, in seconds since 1970


def build_tree(tree: Tree, into: Path, *keyrings: Path) -> None:
    """Run debootstrap and remove what no test needs. Takes about 45 s, or 75 s with a slow disk."""
    configure(into)
    options = [f"--keyring={keyring}" for keyring in keyrings]
    with ONE_AT_A_TIME:
        progress.run(tree.suite, (*CONTAINED, *debootstrap(tree, into, *options)), into.parent / "log")
    strip(tree, into)
    subprocess.run(("/usr/sbin/chroot", into, "ldconfig"), check=True)


def configure(into: Path) -> None:
    """Write the configuration of dpkg and apt before they are installed."""
    for path, text in CONFIGURATION.items():
        (into / path).parent.mkdir(parents=True)
        (into / path).write_text(text)


def debootstrap(tree: Tree, into: Path, *options: str) -> tuple[str, ...]:
    """Return the command that makes a tree."""
    included = f"--include={','.join(tree.packages)}"
    given = ("/usr/sbin/debootstrap", "--variant=minbase", included, *options)
    if isinstance(tree, Ubuntu):
        return (*given, f"--components={tree.components}", tree.suite, str(into), "", tree.script)
    # sid's script works for every suite since bullseye. An older debootstrap does not know the newer suites.
    return (*given, tree.suite, str(into), _mirror(), "sid")


def strip(tree: Tree, into: Path) -> None:
    """Remove what no test needs, and do the work of a first boot once for all copies."""
    for path in UNWANTED + tree.unused:
        _remove(into / path)
    for unit in tree.masked:
        _link(into / "etc/systemd/system" / unit, "/dev/null")
    for target, unit in tree.enabled:
        _link(into / "etc/systemd/system" / target / unit, f"/usr/lib/systemd/system/{unit}")
    for path in PRESENT:
        (into / path).mkdir(parents=True, exist_ok=True)
    for path in ("etc/.updated", "var/.updated"):  # newer than any layer's /usr: ConditionNeedsUpdate= is false
        (into / path).touch()
        os.utime(into / path, (FAR_FUTURE, FAR_FUTURE))


def fetch(
    programs: Mapping[str, tuple[str, ...]], into: Path, tree: Path, *, architecture: str = "", newest: str = ""
) -> None:
    """Unpack selected files of packages into folders named after the packages.

    The packages come from the suite of ``tree`` and from the archive that the tree remembers. ``architecture`` selects
    another architecture. ``newest`` is a package such as linux-image-amd64, which depends on the newest version. In
    package names ``{}`` stands for that version; folder names omit it.
    """
    apt = into.parent / "apt"
    settings = _settings(apt, tree, architecture)
    get = ("/usr/bin/apt-get", "-q", *settings)
    log = into.parent / "log"
    progress.run("packages", (*get, "update"), log, tries=progress.DOWNLOADS)
    version = ""
    if newest:
        depends = ("/usr/bin/apt-cache", *settings, "depends", newest)
        answer = subprocess.run(depends, capture_output=True, text=True, check=True).stdout
        kind = "-".join(newest.split("-")[:2])  # a kernel package also depends on one of its base package
        [version] = re.findall(rf"Depends: {kind}-(\S+)", answer)
    names = {package.format(version): package.replace("-{}", "") for package in programs}
    progress.run("packages", (*get, "download", *names), log, cwd=apt, tries=progress.DOWNLOADS)
    for (package, name), files in zip(names.items(), programs.values(), strict=True):
        (into / name).mkdir()
        [archive] = apt.glob(f"{package}_*.deb")
        script = ("/bin/sh", "-ec", UNPACK, str(archive), str(into / name), *(f"./{file}" for file in files))
        progress.run("packages", script, log)


def add(names: tuple[str, ...], into: Path, tree: Path) -> None:
    """Unpack packages and their dependencies that ``tree`` lacks. Their scripts are not run."""
    apt = into.parent / "apt"
    (apt / "archives/partial").mkdir(parents=True)
    get = (
        "/usr/bin/apt-get",
        "-q",
        *_settings(apt, tree),
        f"-oDir::State::Status={tree}/var/lib/dpkg/status",
        "--no-install-recommends",
    )
    log = into.parent / "log"
    progress.run("packages", (*get, "update"), log, tries=progress.DOWNLOADS)
    progress.run("packages", (*get, "-y", "install", "--download-only", *names), log, tries=progress.DOWNLOADS)
    for archive in sorted((apt / "archives").glob("*.deb")):
        progress.run("packages", ("/usr/bin/dpkg-deb", "--extract", str(archive), str(into)), log)


def _settings(apt: Path, tree: Path, architecture: str = "") -> tuple[str, ...]:
    """Return options that give apt its own lists, for the suite of a tree."""
    (apt / "lists/partial").mkdir(parents=True)
    (apt / "sources.list").write_text(_signed((tree / "etc/apt/sources.list").read_text()))
    options = {
        "Dir::State::Lists": str(apt / "lists"),
        "Dir::State::Status": "/dev/null",
        "Dir::Cache": str(apt),
        "Dir::Etc::SourceList": str(apt / "sources.list"),
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Acquire::Languages": "none",
        "Acquire::Check-Valid-Until": "false",
        "APT::Sandbox::User": "root",
        "APT::Update::Post-Invoke": "",
        "APT::Update::Post-Invoke-Success": "",
    }
    if architecture:
        options |= {"APT::Architecture": architecture, "APT::Architectures": architecture}
    return tuple(f"-o{key}={value}" for key, value in options.items())


def _mirror() -> str:
    """Return the archive of this Debian machine. On other systems, return an empty text for debootstrap's default."""
    release = platform.freedesktop_os_release()
    if release["ID"] != "debian":
        return ""
    # apt-get answers with one line for each package index of its sources.
    question = (
        "/usr/bin/apt-get",
        "indextargets",
        "--format",
        "$(COMPONENT) $(RELEASE) $(SITE)",
        "Created-By: Packages",
    )
    answer = subprocess.run(question, capture_output=True, text=True, check=True).stdout
    for component, suite, site in (line.split(maxsplit=2) for line in answer.splitlines()):
        if (component, suite) == ("main", release.get("VERSION_CODENAME")) and site.startswith("http"):
            return site
    return ""


def _signed(sources: str) -> str:
    return sources.replace("deb ", f"deb [signed-by={KEYRING}] ")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
