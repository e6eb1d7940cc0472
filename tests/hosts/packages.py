"""The Debian packages that this machine needs for hosts and for development, and their installation."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.hosts import progress
from tests.hosts.errors import BuildError, ForbiddenError

BOOTING = ("debootstrap", "debian-archive-keyring", "systemd-container", "kmod")
PYTHON = ("python3-venv", "python3-systemd", "python3-psutil", "python3-jsonschema", "python3-yaml")
ASSEMBLERS = (  # for the probes; LLVM's is a second opinion, and the only one that knows loong64 in every suite
    "binutils",
    "binutils-aarch64-linux-gnu",
    "binutils-arm-linux-gnueabi",
    "binutils-mips64-linux-gnuabi64",
    "binutils-mips64el-linux-gnuabi64",
    "binutils-powerpc64le-linux-gnu",
    "binutils-riscv64-linux-gnu",
    "binutils-s390x-linux-gnu",
    "llvm-19",
)
FLEET = ("prometheus", "chromium", "chromium-driver")  # promtool, and a browser for the page
JUDGES = ("lintian", "zsh", "fish", "groff-base")  # they check the package, completions and manual pages
PROGRAMS = ("git", "npm", "strace", "zsh", "fish")  # packages that are wanted for the program of the same name alone
DEVELOPING = (*PYTHON, *ASSEMBLERS, *FLEET, *JUDGES, "git", "npm", "strace")
GO = ("golang-go",)

APT = Path("/usr/bin/apt-get")


def install(packages: tuple[str, ...]) -> None:
    """Install the missing packages and report it. They stay installed."""
    if not (wanted := missing(packages)):
        return
    if os.geteuid() != 0:
        raise ForbiddenError(f"packages are missing: run `sudo apt-get install {' '.join(wanted)}`")
    progress.say(f"installing on this machine, to stay: {', '.join(wanted)}")
    try:
        _apt("install", *wanted)
    except BuildError:  # the package lists may be missing or outdated
        _apt("update", tries=progress.DOWNLOADS)
        _apt("install", *wanted, tries=progress.DOWNLOADS)


def missing(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the packages that are not installed, except those whose program this machine has from elsewhere.

    Another repository's ``nodejs`` brings ``npm`` along, for example, and apt refuses to install Debian's beside it.
    """
    question = ("/usr/bin/dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\\n", *packages)
    answer = subprocess.run(question, capture_output=True, text=True, check=False).stdout.splitlines()
    lacking = (package for package in packages if f"{package} installed" not in answer)
    return tuple(package for package in lacking if package not in PROGRAMS or not shutil.which(package))


def _apt(*arguments: str, tries: int = 1) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with tempfile.NamedTemporaryFile() as log:
        argv = (str(APT), "-q", "-y", "-oDPkg::Lock::Timeout=120", "--no-install-recommends", *arguments)
        progress.run("apt-get", argv, Path(log.name), env=environment, tries=tries)
