"""Resolve a path without following links that another user could have created, and keep its folder open.

A path is resolved from the root, one component at a time. Each folder is opened relative to the one before it. Later
operations at the end of the path are relative to the open folder, so that nobody can swap a folder in the meantime.
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

POSIX = hasattr(os, "geteuid")  # Windows has no owners, and no folder descriptors to start a path at
NOFOLLOW, CLOEXEC = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_CLOEXEC", 0)
FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | NOFOLLOW | CLOEXEC
MOST = 40  # maximum number of links in a path; the kernel's own limit
# How strict to be about a path: accept anything, check only its links, or check all of its folders.
ANY, LINKS, FOLDERS = range(3)
SETTINGS = "/proc/sys/"  # the kernel's own files, where no user can add or replace a name


class OpenFolderError(DeniedError):
    """Other users can change ``folder``, which is part of a path."""

    def __init__(self, path: str, folder: str) -> None:
        import shlex  # other users may have named it

        named = shlex.quote(folder)
        hint = f"close the folder: chown root {named}; chmod go-w {named}"
        super().__init__(f"{path}: other users can change {folder}, so provisioner does not write there", hint=hint)
        self.folder = folder


class MaskedError(DeniedError):
    """The path is a link to /dev/null, which means that this file must not exist."""


class Place(NamedTuple):
    """A name in an open folder. ``path`` is its path on the host, without any links."""

    folder: int | None  # None on Windows, where ``name`` is a whole path
    name: str
    path: str


@contextlib.contextmanager
def reached(root: str | int, path: str, *, follow: bool = True, judge: int = FOLDERS) -> Iterator[Place]:
    """Keep the folder of a path open while the block runs.

    Args:
        root: the folder at which the path starts, as a path or a descriptor.
        path: an absolute path, as seen from the root.
        follow: also follow a link at the end of the path.
        judge: FOLDERS refuses a path through a folder that other users can change. LINKS refuses to follow a link that
            they could have created. ANY refuses nothing.

    Raises:
        DeniedError: another user could have created the target of the path.
        OSError: a folder on the way does not exist, or is not a folder.
    """
    if not POSIX:
        whole = path if root == "/" else f"{root}/{path.lstrip('/')}"
        yield Place(None, os.path.realpath(whole) if follow else whole, path)
        return
    with contextlib.ExitStack() as opened, _blamed(path):
        start = os.dup(root) if isinstance(root, int) else os.open(root or "/", FOLDER & ~NOFOLLOW)
        opened.callback(os.close, start)
        mine = {0, os.geteuid(), os.fstat(start).st_uid}  # the owner of the root can do anything anyway
        yield _walk(opened, start, path, follow, mine, judge)


def changeable(root: str | int, path: str) -> str | None:
    """Return the first part of a path that users other than root can change.

    Returns: the path of a folder on the way, of a link's folder, or of the file itself. None if there is no such part.
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


def own_names(place: Place) -> tuple[str, ...]:
    """Return the sorted names in a folder, or nothing if it is not ours. The folder is held open meanwhile."""
    folder = os.open(place.name, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | NOFOLLOW | CLOEXEC, dir_fd=place.folder)
    try:
        return tuple(sorted(os.listdir(folder))) if os.fstat(folder).st_uid == os.geteuid() else ()
    finally:
        os.close(folder)


def _walk(opened: contextlib.ExitStack, start: int, path: str, follow: bool, owners: set[int], judge: int) -> Place:
    if _impossible(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
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


def _impossible(path: str) -> bool:
    """Return whether no file can have a path: it holds a NUL or half of a UTF-16 pair, which a JSON text can name."""
    try:
        return b"\0" in os.fsencode(path)
    except UnicodeEncodeError:
        return True


def _parts(path: str) -> list[str]:
    """Return the components of a path in reverse order."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _status(folder: int | None, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _closed(folder: int, where: str, owners: set[int], found: os.stat_result | None) -> bool:
    """Whether no other user could have created the target of a name in a folder.

    In a sticky folder such as /tmp, others can add names but cannot change our files. So a file that belongs to us
    counts as safe. A link there does not, because others could have given an old link a second name.
    """
    status = os.fstat(folder)
    if _kernels(where, status):
        return True
    if status.st_uid not in owners:
        return False
    if not status.st_mode & 0o022 or not _shared(status, Place(folder, ".", where)):
        return True
    mine = found is None or (found.st_uid in owners and not stat.S_ISLNK(found.st_mode))
    return bool(status.st_mode & stat.S_ISVTX) and mine


def _kernels(where: str, status: os.stat_result) -> bool:
    """Whether a folder is /proc, or one of the kernel's settings below it.

    In a container without privileges these belong to a user outside, who has no number inside. Only root can mount
    something at /proc, and there is nothing else than the kernel's files to mount there.
    """
    if not SETTINGS.startswith(f"{where}/") and not where.startswith(SETTINGS):
        return False
    return status.st_dev == os.stat("/proc").st_dev != os.stat("/").st_dev


def _shared(status: os.stat_result, place: Place) -> bool:
    """Whether any user except root and us may use the write permission of the group or of others."""
    if status.st_mode & 0o002 or _listed(place):
        return True
    return not identity.alone(status.st_gid)


def _listed(place: Place) -> bool:
    """Whether an access control list names further users. True if that is unknown."""
    if not hasattr(os, "listxattr"):
        return False
    try:
        return "system.posix_acl_access" in os.listxattr(f"/proc/self/fd/{place.folder}/{place.name}")
    except OSError as e:
        return e.errno != errno.ENOTSUP


@contextlib.contextmanager
def _blamed(path: str) -> Iterator[None]:
    """Put the whole path into an OSError. The kernel only received its last part."""
    try:
        yield
    except OSError as e:
        if not str(e.filename or "").startswith("/"):
            e.filename, e.filename2 = path, None
        raise
