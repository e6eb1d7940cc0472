"""Write, remove and change the owner of files, atomically, in a folder that stays open (``paths.reached``)."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from types import EllipsisType

from provisioner.errors import CommandError, DeniedError, ProvisionerError
from provisioner.host import attributes, plain
from provisioner.host.paths import CLOEXEC, LINKS, NOFOLLOW, POSIX, Place, reached


class OtherKindError(DeniedError):
    """The path is not a regular file."""


class ChangedError(ProvisionerError):
    """A file has changed since it was read."""


def temporary(path: str) -> str:
    """Return the path of the temporary file that is later renamed to ``path``."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}.{name}.provisioner"


def install(place: Place, data: bytes, mode: int, instead_of: bytes | EllipsisType | None = ...) -> None:
    """Write a file atomically: temporary file, fsync, rename, fsync of the folder.

    An existing file keeps its owner, mode, access control list and labels.

    Args:
        mode: the mode of a new file.
        instead_of: the previously read content, or None if there was no file. Other content is not replaced.

    Raises:
        DeniedError: the path is not a regular file.
        ChangedError: another program has changed the file since it was read.
    """
    there = status(place) is not None
    beside = _beside(place)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(beside, dir_fd=place.folder)  # left over from a run that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | CLOEXEC | getattr(os, "O_BINARY", 0)
    new = os.open(beside, flags, 0o600, dir_fd=place.folder)
    try:
        try:
            _write(new, data)
            if there and POSIX:
                with opened(place, os.O_RDONLY) as old:
                    attributes.carry(old, new)
            elif POSIX:
                os.fchmod(new, mode)
            os.fsync(new)
        finally:
            os.close(new)
        if instead_of is not ... and _content(place) != instead_of:
            hint = "run the same command again"
            raise ChangedError(f"{place.path}: somebody else has just changed it, so it was left as it is", hint=hint)
        os.replace(beside, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=place.folder)
        raise
    sync(place)


def append(place: Place, line: str) -> None:
    """Append a line to one of our journals. The line is on disk when this returns.

    Raises: DeniedError if the file has another name.
    """
    with opened(place, os.O_RDWR | os.O_APPEND | os.O_CREAT) as file:
        size = os.fstat(file).st_size
        os.lseek(file, max(0, size - 1), os.SEEK_SET)
        torn = size and os.read(file, 1) != b"\n"  # the power failed in the middle of a line
        _write(file, (b"\n" if torn else b"") + line.encode() + b"\n")
        os.fsync(file)
    if not size:
        sync(place)


def remove_temporary(place: Place) -> None:
    """Remove a leftover temporary file of a killed run. The file itself stays."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_beside(place), dir_fd=place.folder)
        sync(place)


def remove(place: Place) -> None:
    """Remove a file and any leftover temporary file of a killed run. Missing files are not an error."""
    status(place)
    for name in (_beside(place), place.name):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=place.folder)
            sync(place)


def unlink(place: Place) -> None:
    """Remove a link."""
    os.unlink(place.name, dir_fd=place.folder)
    sync(place)


def make_directory(place: Place, mode: int) -> None:
    """Create one directory. An existing one stays as it is."""
    try:
        os.mkdir(place.name, mode, dir_fd=place.folder)
    except FileExistsError:
        if POSIX and not stat.S_ISDIR(os.stat(place.name, dir_fd=place.folder, follow_symlinks=False).st_mode):
            raise
        return
    if POSIX:
        made = os.open(place.name, os.O_RDONLY | os.O_DIRECTORY | NOFOLLOW | CLOEXEC, dir_fd=place.folder)
        try:
            os.fchmod(made, mode)  # regardless of the umask
        finally:
            os.close(made)
    sync(place)


def remove_directory(place: Place) -> None:
    """Remove a directory if it is empty."""
    try:
        os.rmdir(place.name, dir_fd=place.folder)
    except OSError as e:
        if e.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
            raise


def give(root: str | int, path: str, uid: int, gid: int) -> None:
    """Change the owner of a file or a directory.

    Raises: DeniedError if another user could have redirected the path by a link.
    """
    with reached(root, path, follow=False, judge=LINKS) as place:
        found = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise DeniedError(
                f"{path} is {plain.kind(found)}, so it is not given to anybody", hint=f"see: ls -l {path}"
            )
        flags = os.O_RDONLY | NOFOLLOW | CLOEXEC | plain.WITHOUT_WAITING
        file = os.open(place.name, flags, dir_fd=place.folder)
        try:
            now = os.fstat(file)
            if stat.S_ISREG(now.st_mode) and now.st_nlink > 1:
                raise DeniedError(f"{path}: it has more than one name", hint="look what it is, then chown it by hand")
            os.fchown(file, uid, gid)
        finally:
            os.close(file)


def tell(root: str | int, path: str, text: str) -> None:
    """Write to an existing kernel file, in one call.

    Raises: CommandError if the kernel refuses.
    """
    try:
        with reached(root, path) as place, opened(place, os.O_WRONLY) as file:
            os.write(file, text.encode("utf-8", "surrogateescape"))
    except OSError as e:
        raise CommandError(f"{path}: the kernel refused what was written: {e.strerror}") from None


def status(place: Place) -> os.stat_result | None:
    """Return the status of a file, or None if it does not exist.

    Raises: DeniedError if it is not a regular file.
    """
    try:
        found = os.stat(place.name, dir_fd=place.folder, follow_symlinks=not POSIX)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        hint = f"see what it is for: ls -ld {place.path}"
        raise OtherKindError(f"{place.path} is {plain.kind(found)}, not a file, so it is left alone", hint=hint)
    return found


@contextlib.contextmanager
def opened(place: Place, flags: int) -> Iterator[int]:
    """Open one of our files without blocking.

    Raises: DeniedError if it is not a regular file, or has a second name.
    """
    status(place)
    file = os.open(place.name, flags | NOFOLLOW | CLOEXEC | plain.WITHOUT_WAITING, 0o600, dir_fd=place.folder)
    try:
        found = os.fstat(file)
        if flags & os.O_ACCMODE != os.O_RDONLY and found.st_nlink > 1 and POSIX:
            hint = f"see which: find / -xdev -samefile {place.path}"
            raise DeniedError(f"{place.path} has a second name, so another file would change, too", hint=hint)
        yield file
    finally:
        os.close(file)


def sync(place: Place) -> None:
    """Make sure that a folder's entries are on disk."""
    if not POSIX:
        return  # Windows cannot open a folder
    folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | CLOEXEC, dir_fd=place.folder)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _beside(place: Place) -> str:
    return temporary(place.name)


def _content(place: Place) -> bytes | None:
    """Return the content of a file, or None if it does not exist."""
    if status(place) is None:
        return None
    with opened(place, os.O_RDONLY) as file:
        return plain.content(file, place.path, -1)


def _write(file: int, data: bytes) -> None:
    """Write all of the data."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
