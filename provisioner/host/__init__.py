"""The only package that touches the host: read, ask, write, remove, run.

Everything goes through one ``System``, whose root, environment and user are fields, so that a test can hand over a
directory tree instead. Code that must not change anything is handed the same object as a ``model.Reader``.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from types import EllipsisType

from provisioner.host import identity
from provisioner.host.calling import Calling


class System(Calling):
    """One host: the tree below ``root``, seen and changed as the current user. Here is the half that changes files."""

    def make_directory(self, path: str, mode: int) -> None:
        """Make one directory; one that is there stays as it is."""
        from provisioner.host import files, paths  # a check in sync writes nothing

        with paths.reached(self.top, path) as place:
            files.make_directory(place, mode)

    def make_directories(self, path: str, mode: int) -> None:
        """Make a directory and those above it; what is there stays as it is."""
        if path and self.stat(path) is None:
            self.make_directories(path.rpartition("/")[0], mode)
            self.make_directory(path, mode)

    def remove_directory(self, path: str) -> None:
        """Remove a directory that is empty; leave any other."""
        from provisioner.host import files, paths

        with contextlib.suppress(FileNotFoundError), paths.reached(self.top, path, follow=False) as place:
            files.remove_directory(place)

    def write(
        self, path: str, text: str, mode: int, user: str = "", *, instead_of: str | EllipsisType | None = ...
    ) -> None:
        """Put a text there, as ``install`` does, with the rights of ``user``.

        ``instead_of``: what was read before, None for no file. ChangedError: it is something else by now.
        """
        account = self._other(user)
        old = instead_of.encode("utf-8", "surrogateescape") if isinstance(instead_of, str) else instead_of
        with identity.become(account) if account else contextlib.nullcontext():
            self.install(path, text.encode("utf-8", "surrogateescape"), mode, instead_of=old)

    def install(self, path: str, data: bytes, mode: int, *, instead_of: bytes | EllipsisType | None = ...) -> None:
        """Put a file there, whole or not at all. A link is followed first, so that it stays one.

        What stood there keeps its mode, owner, access control list and labels.
        """
        from provisioner.host import files, paths

        with paths.reached(self.top, path) as place:
            files.install(place, data, mode, instead_of)

    def append(self, path: str, line: str) -> None:
        """Add a line to a journal of ours; it is on disk before this returns."""
        from provisioner.host import files, paths

        with paths.reached(self.top, path, follow=False) as place:
            files.append(place, line)

    def set_owner(self, paths: tuple[str, ...], uid: int, gid: int) -> None:
        """Give files to somebody. DeniedError: somebody else could have led us to one by a link or a second name."""
        from provisioner.host import files

        for path in paths:
            files.give(self.top, path, uid, gid)

    def remove(self, path: str, user: str = "") -> None:
        """Remove a file, as ``user``; one that is gone already is no error."""
        account = self._other(user)
        with identity.become(account) if account else contextlib.nullcontext():
            self._remove(path)

    def _remove(self, path: str) -> None:
        """A file, or the one that a link leads to. Of a link to what is no file, to /dev/null say, only the link."""
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
        """The first folder on the way to a file, or the file, that others than root can change; None: there is none."""
        from provisioner.host import paths

        return paths.changeable(self.top, path)

    def tell(self, path: str, text: str) -> None:
        """Write into a file of the kernel's that is there, in one call."""
        from provisioner.host import files

        files.tell(self.top, path, text)

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def clock(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def now(self) -> str:
        """The time of day, as RFC 3339 in UTC with whole seconds."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    @contextlib.contextmanager
    def lock(self, path: str) -> Iterator[None]:
        """Have a lock file while the block runs. BusyError: another run has it."""
        from provisioner.host import locks, paths

        self.make_directories(path.rpartition("/")[0], 0o755)
        with paths.reached(self.top, path, follow=False) as place, locks.acquired(place):
            yield

    def holder(self, path: str) -> int | None:
        """The process that has a lock file; None: none has."""
        from provisioner.host import locks, paths

        try:
            with paths.reached(self.top, path, follow=False, judge=paths.ANY) as place:
                return locks.holder(place)
        except FileNotFoundError:
            return None

    def end(self, path: str, seconds: float) -> None:
        """End the run that has a lock: asked to first, killed when ``seconds`` later it still has it."""
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
