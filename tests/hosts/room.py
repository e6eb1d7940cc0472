"""The place of one host: its own folder, mount namespace and cgroup.

All mounts of a host exist only in that namespace, and all its processes are in that cgroup. This machine's own
mounts do not change, and killing the cgroup leaves nothing behind. If a run is killed, nobody holds the lock of its
room any more, and the next run removes it.
"""

import contextlib
import fcntl
import os
import select
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.hosts import cache
from tests.hosts.errors import HostError


def _hierarchies(*kinds: str) -> tuple[Path, ...]:
    """Return where cgroups of these kinds are mounted on this machine."""
    mounts = (line.split(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return tuple(Path(place.split()[4]) for place, filesystem in mounts if filesystem.split()[0] in kinds)


ROOMS = "rooms"
TRIES = 10
CGROUP = "provisioner-hosts"
CGROUP2 = next(iter(_hierarchies("cgroup2")), Path("/sys/fs/cgroup"))

DEADLINE = 60.0  # seconds; the kernel needs a few milliseconds, unless a disk is very slow

# The engines use overlays, and an overlay cannot lie on another one. These are therefore plain folders of the room.
DATA = ("var/lib/docker", "var/lib/containerd", "home")

# The room's keeper runs this in its own mount namespace. $0 is the lower folders, followed by DATA.
# nspawn needs /run/systemd/nspawn on a tmpfs. Covering all of /run also hides this machine's systemd.
KEEPER = """\
mount -t overlay overlay -o "lowerdir=$0,upperdir=$PWD/upper,workdir=$PWD/work" root
for folder; do
    mkdir -p "data/$folder" "root/$folder"
    mount --bind "data/$folder" "root/$folder"
done
mount -t tmpfs -o mode=755 tmpfs /run
echo kept
exec sleep infinity
"""


class Room:
    """A folder with an overlay of ``lowers`` (topmost first) at ``root``, visible only inside its namespace."""

    def __init__(self, name: str, lowers: tuple[Path, ...]) -> None:
        self._keeper: subprocess.Popen[str] | None = None
        with contextlib.ExitStack() as undo:
            for lower in lowers:
                if lower.is_relative_to(cache.FOLDER):
                    undo.callback(os.close, cache.hold(lower))
            self.folder, lock = reserve(name)
            undo.callback(os.close, lock)
            undo.callback(self._reap)
            undo.callback(remove, self.folder)
            self.root = self.folder / "root"
            self.cgroup = CGROUP2 / CGROUP / self.folder.name
            self._furnish(lowers)
            self._undo = undo.pop_all()

    def _furnish(self, lowers: tuple[Path, ...]) -> None:
        _make_cgroups(self.cgroup / "keeper", self.guest)
        for folder in (self.folder / "upper", self.folder / "work", self.root):
            folder.mkdir(parents=True)
        namespace = ("/usr/bin/unshare", "--mount", "--propagation", "private")
        script = ("/bin/sh", "-ec", KEEPER, ":".join(map(str, lowers)), *DATA)
        self._keeper = subprocess.Popen(
            (*into_cgroup(self.cgroup / "keeper"), *namespace, *script),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._keeper.stdout
        with self._keeper.stdout as output:
            ready, _, _ = select.select([output], [], [], DEADLINE)
            if not ready or (answer := output.readline()) != "kept\n":
                answer = f"{answer}{output.read()}".strip() if ready else f"no answer in {DEADLINE:.0f} s"
                raise HostError(f"this machine refused a host its mounts: {answer}")

    def _reap(self) -> None:
        if self._keeper:
            self._keeper.wait(timeout=DEADLINE)

    @property
    def _pid(self) -> int:
        assert self._keeper
        return self._keeper.pid

    @property
    def view(self) -> Path:
        """The root folder as a path from outside. Only for reading: an absolute link below it leads out of the host."""
        return Path(f"/proc/{self._pid}/root{self.root}")

    @property
    def guest(self) -> Path:
        """The cgroup for what boots in the room. nspawn makes ``supervisor`` and ``payload`` in it."""
        return self.cgroup / "guest"

    def inside(self, *argv: str) -> tuple[str, ...]:
        """Return the argv that runs ``argv`` in the room's mount namespace and guest cgroup."""
        namespace = ("/usr/bin/nsenter", f"--target={self._pid}", "--mount", f"--wd={self.folder}")
        return (*into_cgroup(self.guest), *namespace, *argv)

    def close(self) -> None:
        """Kill what runs in the room and remove it."""
        self._undo.close()


def into_cgroup(cgroup: Path) -> tuple[str, ...]:
    """Return the start of an argv that runs the rest in a cgroup."""
    return ("/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(cgroup))


def kill_cgroup(cgroup: Path) -> None:
    """Kill every process below a cgroup and wait until the last is gone."""
    if not cgroup.is_dir():
        return
    (cgroup / "cgroup.kill").write_text("1")
    until = time.monotonic() + DEADLINE
    while "populated 1" in (cgroup / "cgroup.events").read_text():
        if time.monotonic() > until:
            raise HostError(f"{cgroup.name}: processes outlived SIGKILL by {DEADLINE:.0f} s")
        time.sleep(0.01)


def remove_abandoned() -> None:
    """Remove the rooms of runs that were killed."""
    with _rooms() as rooms:
        for folder in rooms.iterdir():
            if not folder.is_dir():
                continue
            descriptor = _lock(folder)
            if descriptor is not None:
                remove(folder)
                os.close(descriptor)


def reserve(name: str) -> tuple[Path, int]:
    """Make a new folder and lock it. The cgroup has the same name, next to those of runs with other caches."""
    with _rooms() as rooms:
        folder = rooms / f"{name}-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        descriptor = _lock(folder)
    assert descriptor is not None
    return folder, descriptor


@contextlib.contextmanager
def _rooms() -> Iterator[Path]:
    rooms = cache.FOLDER / ROOMS
    rooms.mkdir(parents=True, exist_ok=True)
    with cache.locked(rooms / "lock"):
        yield rooms


def _lock(folder: Path) -> int | None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def remove(folder: Path) -> None:
    """Remove a reserved folder, and the processes in its cgroup, if any."""
    kill_cgroup(CGROUP2 / CGROUP / folder.name)
    for hierarchy in _hierarchies("cgroup2", "cgroup"):  # if version 1 exists, nspawn uses both
        _remove_cgroup(hierarchy / CGROUP / folder.name)
    shutil.rmtree(folder)


def _make_cgroups(*cgroups: Path) -> None:
    """Make cgroups. Retry if another run just removed their empty parent."""
    for cgroup in cgroups:
        for _ in range(TRIES):
            with contextlib.suppress(FileNotFoundError):
                cgroup.mkdir(parents=True, exist_ok=True)
                break
        else:
            raise HostError(f"{cgroup}: could not be made")


def _remove_cgroup(cgroup: Path) -> None:
    for folder, _, _ in os.walk(cgroup, topdown=False):
        Path(folder).rmdir()
    with contextlib.suppress(OSError):  # it contains another host's cgroup, or it never existed
        cgroup.parent.rmdir()
