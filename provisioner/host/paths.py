"""Reach a path without following a link that somebody else could have made, and hold open the folder that it lies in.

A path is walked from the root, one component at a time, and each folder is opened relative to the one before it. What
is then done at the path's end is done relative to the folder that is held, so nobody can swap a folder meanwhile.
``..`` and links never lead out of the root.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from provisioner.errors import DeniedError
from provisioner.host import identity
from provisioner.typed import NamedTuple

POSIX = hasattr(os, "geteuid")  # Windows has neither owners nor folders that a path can start at
NOFOLLOW, CLOEXEC = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_CLOEXEC", 0)
FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | NOFOLLOW | CLOEXEC
MOST = 40  # links on a way; the kernel's own limit
# How a way is judged: not at all; by its links, which others may not have made; or by all of its folders.
ANY, LINKS, FOLDERS = range(3)


class OpenFolderError(DeniedError):
    """Other users can change ``folder``, which a path leads through."""

    def __init__(self, path: str, folder: str) -> None:
        hint = f"close the folder: chown root {folder}; chmod go-w {folder}"
        super().__init__(f"{path}: other users can change {folder}, so provisioner does not write there", hint=hint)
        self.folder = folder


class MaskedError(DeniedError):
    """A link to /dev/null stands there, which means that there is to be no such file."""


class Place(NamedTuple):
    """A name in a folder that is held open. ``path`` is where that is, as the host sees it, without any link."""

    folder: int | None  # None on Windows: ``name`` is a whole path there
    name: str
    path: str


@contextlib.contextmanager
def reached(root: str | int, path: str, *, follow: bool = True, judge: int = FOLDERS) -> Iterator[Place]:
    """Hold the folder of a path open while the block runs.

    Args:
        root: the folder that the path starts at, by its own path or as a descriptor.
        path: absolute, as seen from the root.
        follow: follow a link at the path's end, too.
        judge: FOLDERS refuses to pass through a folder that other users can change; LINKS only to follow a link that
            they could have made; ANY refuses nothing.

    Raises:
        DeniedError: somebody else could have put there what the path leads to.
        OSError: a folder on the way is not there, or is no folder.
    """
    if not POSIX:
        whole = path if root == "/" else f"{root}/{path.lstrip('/')}"
        yield Place(None, os.path.realpath(whole) if follow else whole, path)
        return
    with contextlib.ExitStack() as opened, _blamed(path):
        start = os.dup(root) if isinstance(root, int) else os.open(root or "/", FOLDER & ~NOFOLLOW)
        opened.callback(os.close, start)
        mine = {0, os.geteuid(), os.fstat(start).st_uid}  # who owns the root can do anything anyway
        yield _walk(opened, start, path, follow, mine, judge)


def changeable(root: str | int, path: str) -> str | None:
    """The first thing that users other than root could change about what a path leads to.

    Returns: the path of a folder on the way, of a link's folder, or of the file itself; None: there is no such thing.
    """
    if not POSIX:
        return None
    try:
        with contextlib.ExitStack() as opened:
            start = os.dup(root) if isinstance(root, int) else os.open(root or "/", FOLDER & ~NOFOLLOW)
            opened.callback(os.close, start)
            owners = {0, os.fstat(start).st_uid}
            place = _walk(opened, start, path, True, owners, FOLDERS)
            found = _status(place.folder, place.name)
            theirs = found and (found.st_uid not in owners or (found.st_mode & 0o022 and _shared(found, place)))
            return place.path if theirs else None
    except OpenFolderError as e:
        return e.folder


def _walk(opened: contextlib.ExitStack, start: int, path: str, follow: bool, owners: set[int], judge: int) -> Place:
    folders, parts, links, culprit = [(start, "")], _parts(path), 0, ""
    while parts:
        folder, where = folders[-1]
        part = parts.pop()
        if part == "..":
            del folders[max(1, len(folders) - 1) :]
            continue
        found = _status(folder, part)
        here = f"{where}/{part}"
        link = found is not None and stat.S_ISLNK(found.st_mode)
        if judge and not culprit and not _closed(folder, where, owners, found):
            culprit = where or "/"
        if culprit and (judge == FOLDERS or link):
            raise OpenFolderError(path, culprit)
        if link and (parts or follow):
            links += 1
            if links > MOST:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            text = os.readlink(part, dir_fd=folder)
            if text == os.devnull and not parts:
                raise MaskedError(f"{path} is masked: it leads to {text}", hint=f"see what it is for: ls -l {path}")
            if text[:1] == "/":
                del folders[1:]
            parts += _parts(text)
        elif not parts:
            return Place(folder, part, here)
        else:
            with _blamed(here):
                below = os.open(part, FOLDER, dir_fd=folder)
            opened.callback(os.close, below)
            folders.append((below, here))
    raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)


def _parts(path: str) -> list[str]:
    """The components of a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _status(folder: int | None, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _closed(folder: int, where: str, owners: set[int], found: os.stat_result | None) -> bool:
    """Whether nobody else could have put there what a name in a folder leads to.

    In a sticky folder, as /tmp is one, others can add names but change none that is not theirs: what belongs to us is
    ours. A link there does not count nevertheless, because others could have given an old link a second name.
    """
    status = os.fstat(folder)
    if status.st_uid not in owners:
        return False
    if not status.st_mode & 0o022 or not _shared(status, Place(folder, ".", where)):
        return True
    mine = found is None or (found.st_uid in owners and not stat.S_ISLNK(found.st_mode))
    return bool(status.st_mode & stat.S_ISVTX) and mine


def _shared(status: os.stat_result, place: Place) -> bool:
    """Whether anybody but root and us may write to what its group or everybody may write to."""
    if status.st_mode & 0o002 or _listed(place):
        return True
    return not identity.alone(status.st_gid)


def _listed(place: Place) -> bool:
    """Whether an access control list names further users; True where nobody can tell."""
    if not hasattr(os, "listxattr"):
        return False
    try:
        return "system.posix_acl_access" in os.listxattr(f"/proc/self/fd/{place.folder}/{place.name}")
    except OSError as e:
        return e.errno != errno.ENOTSUP


@contextlib.contextmanager
def _blamed(path: str) -> Iterator[None]:
    """An OSError names the whole path: the kernel was only given the last part of it."""
    try:
        yield
    except OSError as e:
        if not str(e.filename or "").startswith("/"):
            e.filename, e.filename2 = path, None
        raise
