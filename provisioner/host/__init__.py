"""The only package that accesses the host: read, query, write, remove, run.

All access goes through one ``System``. Its root, environment and user are fields, so that a test can pass a directory
tree instead of a real host. Code that must not change anything gets the same object as a ``model.Reader``.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from types import EllipsisType

from provisioner.host import identity
from provisioner.host.calling import Calling


class System(Calling):
    """One host: the tree below ``root``, accessed as the current user. Adds the methods that change files."""

    def make_directory(self, path: str, mode: int) -> None:
        """Create one directory. An existing one stays as it is."""
        from provisioner.host import files, paths  # a check in sync writes nothing

        with paths.reached(self.top, path) as place:
            files.make_directory(place, mode)

    def make_directories(self, path: str, mode: int) -> None:
        """Create a directory and its parents. Existing ones stay as they are."""
        if path and self.stat(path) is None:
            self.make_directories(path.rpartition("/")[0], mode)
            self.make_directory(path, mode)

    def remove_directory(self, path: str) -> None:
        """Remove a directory if it is empty."""
        from provisioner.host import files, paths

        with contextlib.suppress(FileNotFoundError), paths.reached(self.top, path, follow=False) as place:
            files.remove_directory(place)

    def write(
        self, path: str, text: str, mode: int, user: str = "", *, instead_of: str | EllipsisType | None = ...
    ) -> None:
        """Write a text to a file, as ``install`` does, with the rights of ``user``.

        ``instead_of`` is the previously read content, or None if there was no file.

        Raises: ChangedError if the content has changed since.
        """
        account = self._other(user)
        old = instead_of.encode("utf-8", "surrogateescape") if isinstance(instead_of, str) else instead_of
        with identity.become(account) if account else contextlib.nullcontext():
            self.install(path, text.encode("utf-8", "surrogateescape"), mode, instead_of=old)

    def install(self, path: str, data: bytes, mode: int, *, instead_of: bytes | EllipsisType | None = ...) -> None:
        """Write a file atomically. If the path is a link, the file behind it is written, and the link stays.

        An existing file keeps its mode, owner, access control list and labels.
        """
        from provisioner.host import files, paths

        with paths.reached(self.top, path) as place:
            files.install(place, data, mode, instead_of)

    def append(self, path: str, line: str) -> None:
        """Append a line to one of our journals. The line is on disk when this returns."""
        from provisioner.host import files, paths

        with paths.reached(self.top, path, follow=False) as place:
            files.append(place, line)

    def set_owner(self, paths: tuple[str, ...], uid: int, gid: int) -> None:
        """Change the owner of files.

        Raises: DeniedError if another user could have redirected a path by a link or a second name.
        """
        from provisioner.host import files

        for path in paths:
            files.give(self.top, path, uid, gid)

    def remove(self, path: str, user: str = "") -> None:
        """Remove a file, as ``user``. A missing file is not an error."""
        account = self._other(user)
        with identity.become(account) if account else contextlib.nullcontext():
            self._remove(path)

    def remove_temporary(self, path: str, user: str = "") -> None:
        """Remove the temporary file that a killed run left beside a file, as ``user``, if there is one."""
        from provisioner.host import files, paths

        account = self._other(user)
        with (
            identity.become(account) if account else contextlib.nullcontext(),
            contextlib.suppress(FileNotFoundError, NotADirectoryError, files.OtherKindError, paths.MaskedError),
            paths.reached(self.top, path) as place,
        ):
            files.remove_temporary(place)

    def _remove(self, path: str) -> None:
        """Remove a file or a link's target. If the target is not a file (such as /dev/null), remove only the link."""
        from provisioner.host import files, paths

        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            try:
                with paths.reached(self.top, path) as place:
                    files.remove(place)
            except (files.OtherKindError, paths.MaskedError):
                if self.link(path) is None:
                    raise
                with paths.reached(self.top, path, follow=False) as place:
                    files.unlink(place)

    def changeable(self, path: str) -> str | None:
        """Return the first folder on a file's path, or the file, that users other than root can change, or None."""
        from provisioner.host import paths

        return paths.changeable(self.top, path)

    def tell(self, path: str, text: str) -> None:
        """Write to an existing kernel file, in one call."""
        from provisioner.host import files

        files.tell(self.top, path, text)

    def pause(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        if self.listener:
            self.listener("")
        time.sleep(seconds)

    def clock(self) -> float:
        """Return the seconds of a clock that never goes back."""
        return time.monotonic()

    def time(self) -> float:
        """Return the seconds since 1970."""
        return time.time()

    def now(self) -> str:
        """Return the time of day, as RFC 3339 in UTC with whole seconds."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    @contextlib.contextmanager
    def lock(self, path: str) -> Iterator[None]:
        """Hold a lock file while the block runs.

        Raises: BusyError if another run holds it.
        """
        from provisioner.host import locks, paths

        self.make_directories(path.rpartition("/")[0], 0o755)
        with paths.reached(self.top, path, follow=False) as place, locks.acquired(place):
            yield

    def holder(self, path: str) -> int | None:
        """Return the ID of the process that holds a lock file, or None."""
        from provisioner.host import locks, paths

        try:
            with paths.reached(self.top, path, follow=False, judge=paths.ANY) as place:
                return locks.holder(place)
        except FileNotFoundError:
            return None

    def end(self, path: str, seconds: float) -> None:
        """Stop the run that holds a lock: SIGTERM first, then SIGKILL if it still holds the lock after ``seconds``."""
        import signal

        pid, deadline = self.holder(path), self.clock() + seconds
        for number in (signal.SIGTERM, signal.SIGKILL):
            if pid is None or self.holder(path) != pid:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            while self.clock() < deadline and self.holder(path) == pid:
                self.pause(0.1)
            deadline = self.clock() + 5
