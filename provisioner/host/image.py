"""A tree that is not running. Everything in it is treated as data.

The root is opened once and stays open. Each path is resolved below it, where ``..`` and absolute links mean what they
will mean when the image runs. So nothing outside is read or written. Nothing in the image is run, and no engine or
kernel is asked.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence

from provisioner.errors import BusyError, CommandError, DeniedError, NoEngineError, ProvisionerError
from provisioner.host import System, files, locks, paths, plain
from provisioner.model import Account, Ran, Status
from provisioner.typed import Any

REFUSED = "an image is only read and written: nothing of it is run, and no engine is asked for it"
PUT_RIGHT = "correct it, or move it away"


class Image(System):
    """A tree below ``root``.

    Raises: OSError if the folder does not exist.
    """

    def __init__(self, root: str, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(root, environ)
        self._top = os.open(self.root or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.image = True

    @property
    def top(self) -> int:
        """The folder at which every path starts. It stays open, because its name may later refer to another folder."""
        return self._top

    @property
    def asleep(self) -> bool:
        """Always True."""
        return True

    def running(self) -> bool:
        """Whether this is the root of the running host, under any name."""
        return os.path.samestat(os.fstat(self._top), os.stat("/"))

    def head(self, path: str, size: int, *, piped: bool = False) -> bytes | None:
        """Return the first bytes of a file (-1: all), or None if it does not exist. A link to /dev/null is empty."""
        try:
            with paths.reached(self._top, path, judge=paths.ANY) as place:
                if files.status(place) is None:
                    return None
                with files.opened(place, os.O_RDONLY) as file:
                    return plain.content(file, path, size)
        except paths.MaskedError:
            return b""
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as e:
            raise ProvisionerError(f"{path}: {e.strerror}", hint=PUT_RIGHT) from None

    def names(self, path: str, *, user: str = "") -> tuple[str, ...]:
        """Return the sorted names in a directory, or nothing if the directory does not exist."""
        with contextlib.suppress(OSError, paths.MaskedError), self._folder(path) as folder:
            return tuple(sorted(os.listdir(folder)))
        return ()

    def stat(self, path: str) -> Status | None:
        """Return the status of the file at a path, following links below the root, or None if nothing exists there."""
        if not path.strip("/"):
            return _status(os.fstat(self._top))
        return self._looked(path, follow=True)

    def status(self, path: str) -> Status | None:
        """Return the status of a path itself, or None if nothing exists there."""
        return self._looked(path, follow=False)

    def link(self, path: str) -> str | None:
        """Return the target of a symbolic link, or None if the path is not a symbolic link."""
        with contextlib.suppress(OSError), paths.reached(self._top, path, follow=False, judge=paths.ANY) as place:
            return os.readlink(place.name, dir_fd=place.folder)
        return None

    def size(self, path: str) -> int:
        """Return the size of a file in bytes, or 0 if it does not exist."""
        with contextlib.suppress(OSError, paths.MaskedError), paths.reached(self._top, path, judge=paths.ANY) as place:
            return os.stat(place.name, dir_fd=place.folder, follow_symlinks=False).st_size
        return 0

    def tail(self, path: str, start: int) -> str:
        """Always empty, because no daemon of an image writes a log."""
        return ""

    def free(self, path: str) -> int:
        """Return the free bytes, for root, on the image's file system."""
        found = os.fstatvfs(self._top)
        return found.f_bfree * found.f_frsize

    def room(self, path: str) -> int | None:
        """Return the size in bytes of the image's file system."""
        found = os.fstatvfs(self._top)
        return found.f_blocks * found.f_frsize

    @contextlib.contextmanager
    def lock(self, path: str) -> Iterator[None]:
        """Hold an exclusive lock on the image while the block runs. No lock file is created in it.

        Raises: BusyError if another run holds the lock.
        """
        own = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._top)
        try:
            if not locks.taken(own):
                hint = "wait until it has ended, then run the same command again"
                raise BusyError(f"another provisioner is changing {self.root}", hint=hint)
            yield
        finally:
            os.close(own)

    def program(self, name: str) -> str | None:
        """Always None, because nothing in an image is run."""
        return None

    def runs(self, programs: Sequence[bytes], *, bare: bool = False, patience: float = 10.0) -> list[Ran]:
        """Run nothing, and return an error for each program."""
        return [Ran(None, "", REFUSED) for _ in programs]

    def begin(self, programs: Iterable[bytes], *, bare: bool = False) -> None:
        """Start nothing."""

    def request(self, socket: str, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
        """Always raise NoEngineError."""
        raise NoEngineError(REFUSED)

    def expect(self, socket: str, path: str, method: str = "GET") -> None:
        """Send nothing."""

    def get(self, socket: str, path: str) -> Any:
        """Always raise NoEngineError."""
        raise NoEngineError(REFUSED)

    def pour(self, *args: Any) -> str:
        """Always raise CommandError."""
        raise CommandError(REFUSED)

    def fetch(self, *args: Any, **named: Any) -> tuple[int, dict[str, str], bytes]:
        """Always raise ProvisionerError."""
        raise ProvisionerError(REFUSED)

    def tell(self, path: str, text: str) -> None:
        """Always raise DeniedError: no kernel reads a file of an image."""
        raise DeniedError(REFUSED)

    def set_owner(self, paths: tuple[str, ...], uid: int, gid: int) -> None:
        """Always raise DeniedError."""
        raise DeniedError(REFUSED)

    def _other(self, user: str) -> Account | None:
        """Reject every user except root: the users of an image do not exist on this machine."""
        if user and user != "root":
            raise DeniedError(f"{user}: {REFUSED}")
        return None

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        """Open a folder so that it can be listed."""
        with paths.reached(self._top, f"{path}/name", judge=paths.ANY) as place:
            folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place.folder)
            try:
                yield folder
            finally:
                os.close(folder)

    def _looked(self, path: str, *, follow: bool) -> Status | None:
        try:
            with paths.reached(self._top, path, follow=follow, judge=paths.ANY) as place:
                return _status(os.stat(place.name, dir_fd=place.folder, follow_symlinks=False))
        except (OSError, ValueError):
            return None
        except paths.MaskedError:
            return Status(0o666, 0, 0, False)


def _status(s: os.stat_result) -> Status:
    return Status(s.st_mode & 0o7777, s.st_uid, s.st_gid, stat.S_ISDIR(s.st_mode), (s.st_dev, s.st_ino))
