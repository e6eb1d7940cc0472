"""Check what this machine must have and allow before it can boot a host. Each problem is reported in one sentence."""

import functools
import os
import platform
import re
import shutil
import subprocess
import tempfile

from tests.hosts import cache
from tests.hosts.errors import ForbiddenError, LackError
from tests.hosts.images import ARCHITECTURES
from tests.hosts.room import CGROUP2

LINUX = (6, 7)  # the first version with a separate binfmt_misc table for each user namespace
SPACE = 4  # GB: a tree, Go's sources and objects while BuildKit is built, and the data of two hosts

NAMESPACE = ("/usr/bin/unshare", "--mount", "--propagation", "private")
OVERLAY = """\
mkdir lower upper work root
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root
mount -t tmpfs tmpfs root
"""
TABLE = """\
mkdir table
mount -t binfmt_misc binfmt_misc table
"""


@functools.cache
def check() -> None:
    """Raise LackError if this machine cannot boot a host."""
    _check_system()
    _check_linux()
    _check_privilege()
    _check_cgroups()
    _check_space()
    if problem := _try(NAMESPACE, OVERLAY):
        raise ForbiddenError(
            f"this machine allows no mounts of that kind ({problem}): use one of its own, a virtual machine say, or "
            f"`docker run --privileged`, and a PROVISIONER_CACHE that is on ext4, xfs or btrfs ({cache.FOLDER} now)"
        )
    # binfmt_misc may be built in, loaded just now, or unavailable. The next line finds out.
    subprocess.run(("/bin/sh", "-c", "modprobe binfmt_misc"), capture_output=True, check=False)
    if problem := _try((*NAMESPACE, "--user", "--map-root-user"), TABLE):
        raise LackError(f"user namespaces get no binfmt_misc here ({problem}): `modprobe binfmt_misc` may help")


def _check_system() -> None:
    release = platform.freedesktop_os_release()
    if "debian" not in (release["ID"], *release.get("ID_LIKE", "").split()):
        name = release.get("PRETTY_NAME", release["ID"])
        raise LackError(f"hosts are made with Debian's tools, and this is {name}: use a Debian or Ubuntu machine")
    if platform.machine() not in ARCHITECTURES:
        known = " or ".join(ARCHITECTURES)
        raise LackError(f"hosts are made for the CPU they run on, and this is {platform.machine()}: use {known}")


def _check_linux() -> None:
    version = re.match(r"(\d+)\.(\d+)", platform.release())
    if version and tuple(map(int, version.groups())) < LINUX:
        wanted = ".".join(map(str, LINUX))
        raise LackError(f"hosts need Linux {wanted}, and this is {platform.release()}: install a newer kernel")


def _check_privilege() -> None:
    if os.geteuid() != 0:
        raise ForbiddenError("booting a host takes root: run it with sudo")


def _check_cgroups() -> None:
    if not os.access(CGROUP2 / "cgroup.procs", os.W_OK):
        raise ForbiddenError(f"{CGROUP2} is no cgroup v2 hierarchy that can be written to: boot with it, or allow it")


def _check_space() -> None:
    cache.FOLDER.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache.FOLDER).free / 1e9
    if free < SPACE:
        raise LackError(
            f"{cache.FOLDER} has {free:.1f} GB free of the {SPACE} GB that hosts need: "
            "make room, or set PROVISIONER_CACHE to a folder elsewhere"
        )


def _try(namespace: tuple[str, ...], script: str) -> str:
    """Run a script in its own namespaces and folder. Returns its error messages, or an empty text if it succeeds."""
    with tempfile.TemporaryDirectory(dir=cache.FOLDER) as folder:
        argv = (*namespace, "/bin/sh", "-ec", script)
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=30)
    return done.stderr.strip().splitlines()[0] if done.returncode else ""
