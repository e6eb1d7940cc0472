"""A tree that is not running: data, whatever it contains.

Its root is opened once and held. Each path is walked below it, where ``..`` and absolute links mean what they will mean
when the image runs, so nothing outside is read or written. Nothing in it is run, and no engine or kernel is asked.
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
PUT_RIGHT = "put it right, or move it away"


class Image(System):
    """A tree below ``root``. OSError: there is no such folder."""

    def __init__(self, root: str, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(root, environ)
        self._top = os.open(self.root or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.image = True

    @property
    def top(self) -> int:
        """The folder that every path starts at, held open: its name may come to mean another one."""
        return self._top

    @property
    def asleep(self) -> bool:
        """Always."""
        return True

    def running(self) -> bool:
        """Whether this is the very root that we run in, by whatever name."""
        return os.path.samestat(os.fstat(self._top), os.stat("/"))

    def head(self, path: str, size: int, *, piped: bool = False) -> bytes | None:
        """The first bytes of a file (all for -1); None: there is none. A mask, a link to /dev/null, is empty."""
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
        """The names in a directory, sorted; none where there is no such directory."""
        with contextlib.suppress(OSError, paths.MaskedError), self._folder(path) as folder:
            return tuple(sorted(os.listdir(folder)))
        return ()

    def stat(self, path: str) -> Status | None:
        """What stands at a path, links followed below the root; None: nothing."""
        if not path.strip("/"):
            return _status(os.fstat(self._top))
        return self._looked(path, follow=True)

    def status(self, path: str) -> Status | None:
        """What stands at a path itself; None: nothing."""
        return self._looked(path, follow=False)

    def link(self, path: str) -> str | None:
        """Where a symbolic link points to; None: it is none."""
        with contextlib.suppress(OSError), paths.reached(self._top, path, follow=False, judge=paths.ANY) as place:
            return os.readlink(place.name, dir_fd=place.folder)
        return None

    def size(self, path: str) -> int:
        """How many bytes a file has; 0: there is none."""
        with contextlib.suppress(OSError, paths.MaskedError), paths.reached(self._top, path, judge=paths.ANY) as place:
            return os.stat(place.name, dir_fd=place.folder, follow_symlinks=False).st_size
        return 0

    def tail(self, path: str, start: int) -> str:
        """Nothing: no daemon of an image writes a log."""
        return ""

    def free(self, path: str) -> int:
        """The bytes that root may still write in the image's file system."""
        found = os.fstatvfs(self._top)
        return found.f_bfree * found.f_frsize

    def room(self, path: str) -> int | None:
        """How many bytes the image's file system holds."""
        found = os.fstatvfs(self._top)
        return found.f_blocks * found.f_frsize

    @contextlib.contextmanager
    def lock(self, path: str) -> Iterator[None]:
        """Have the image for ourselves while the block runs; no file is made in it. BusyError: another run has it."""
        own = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._top)
        try:
            if not locks.taken(own):
                hint = "wait until it has ended, then run the same command again"
                raise BusyError(f"another provisioner is changing {self.root}", hint=hint)
            yield
        finally:
            os.close(own)

    def program(self, name: str) -> str | None:
        """None: nothing of an image is run."""
        return None

    def runs(self, programs: Sequence[bytes], *, bare: bool = False) -> list[Ran]:
        """Nothing is run."""
        return [Ran(None, "", REFUSED) for _ in programs]

    def begin(self, programs: Iterable[bytes], *, bare: bool = False) -> None:
        """Nothing is started."""

    def request(self, socket: str, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
        """NoEngineError, always."""
        raise NoEngineError(REFUSED)

    def expect(self, socket: str, path: str) -> None:
        """Nothing is sent."""

    def get(self, socket: str, path: str) -> Any:
        """NoEngineError, always."""
        raise NoEngineError(REFUSED)

    def pour(self, *args: Any) -> str:
        """CommandError, always."""
        raise CommandError(REFUSED)

    def fetch(self, *args: Any, **named: Any) -> tuple[int, dict[str, str], bytes]:
        """ProvisionerError, always."""
        raise ProvisionerError(REFUSED)

    def tell(self, path: str, text: str) -> None:
        """DeniedError, always: no kernel reads what is written in an image."""
        raise DeniedError(REFUSED)

    def set_owner(self, paths: tuple[str, ...], uid: int, gid: int) -> None:
        """DeniedError, always."""
        raise DeniedError(REFUSED)

    def _other(self, user: str) -> Account | None:
        """Nobody: the users of an image are not this machine's."""
        if user and user != "root":
            raise DeniedError(f"{user}: {REFUSED}")
        return None

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        """A folder, open to be listed."""
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
