"""The only package that touches the host: read, ask, write, remove, run.

Everything goes through one ``System``, whose root, environment and user are fields, so that a test can hand over a
directory tree instead. Code that must not change anything is handed the same object as a ``model.Reader``.
"""

import contextlib
import errno
import os
import time

from provisioner.errors import CommandError, DeniedError, ProvisionerError
from provisioner.host import identity
from provisioner.host.calling import Calling

OWNERS = hasattr(os, "geteuid")  # whether files have owners as POSIX knows them
NOFOLLOW, CLOEXEC = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_CLOEXEC", 0)  # not to be had on Windows


def temporary(path: str) -> str:
    """Where a file is written before it is renamed to ``path``."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.provisioner"


def _free(path: str) -> bool:
    """Whether a file of ours may stand at a path: nothing is there, or a file."""
    return os.path.isfile(path) or not os.path.exists(path)


class System(Calling):
    """One host: the tree below ``root``, seen and changed as the current user. Here is the half that changes files."""

    def make_directory(self, path: str, mode: int) -> None:
        """Make one directory; one that is there stays as it is."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.path(path), mode)
            os.chmod(self.path(path), mode)  # the umask has no say
            self._sync(os.path.dirname(self.path(path)))

    def make_directories(self, path: str, mode: int) -> None:
        """Make a directory and those above it; what is there stays as it is."""
        if path and not os.path.isdir(self.path(path)):
            self.make_directories(path.rpartition("/")[0], mode)
            self.make_directory(path, mode)

    def remove_directory(self, path: str) -> None:
        """Remove a directory that is empty; leave any other."""
        try:
            os.rmdir(self.path(path))
        except OSError as e:
            if e.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
                raise

    def write(self, path: str, text: str, mode: int, user: str = "") -> None:
        """Put a text there, as ``install`` does, with the rights of ``user``."""
        account = self._other(user)
        with identity.become(account) if account else contextlib.nullcontext():
            self.install(path, text.encode("utf-8", "surrogateescape"), mode)

    def install(self, path: str, data: bytes, mode: int) -> None:
        """Put a file there, whole or not at all: temporary file, fsync, rename, fsync of the directory.

        A link is followed first, so that it stays one. What stood there keeps its mode, owner and SELinux label.
        """
        target = os.path.realpath(self.path(path))
        folder = os.path.dirname(target)
        self._inside(path, target)
        if not _free(target):
            hint = f"see what it is for: ls -l {path}; without it a file can be there"
            raise DeniedError(f"{path} leads to {target}, which is no file", hint=hint)
        self._trusted(folder)
        old = os.stat(target) if os.path.exists(target) else None
        beside = temporary(target)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)  # of a run that was killed
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | CLOEXEC, 0o600)
        try:
            with open(fd, "wb") as file:
                file.write(data)
                file.flush()
                if OWNERS and old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(fd, old.st_uid, old.st_gid)
                if OWNERS:
                    os.fchmod(fd, mode if old is None else old.st_mode & 0o7777)
                with contextlib.suppress(OSError, AttributeError):  # no SELinux, no label
                    os.setxattr(fd, "security.selinux", os.getxattr(target, "security.selinux"))
                os.fsync(fd)
            os.replace(beside, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside)
            raise
        self._sync(folder)

    def append(self, path: str, line: str) -> None:
        """Add a line to a journal of ours; it is on disk before this returns."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | NOFOLLOW | CLOEXEC
        fd = os.open(self.path(path), flags, 0o600)
        try:
            size = os.fstat(fd).st_size
            fresh = size == 0
            os.lseek(fd, max(0, size - 1), os.SEEK_SET)
            torn = not fresh and os.read(fd, 1) != b"\n"  # the power went in the middle of a line
            data = (b"\n" if torn else b"") + line.encode() + b"\n"
            if os.write(fd, data) != len(data):
                raise ProvisionerError(f"{path}: the disk is full", hint="make room, then run the same command again")
            os.fsync(fd)
        finally:
            os.close(fd)
        if fresh:
            self._sync(os.path.dirname(self.path(path)))

    def set_owner(self, paths: tuple[str, ...], uid: int, gid: int) -> None:
        """Give files to somebody, none of them reached by a link. DeniedError: one is reached by more than one name."""
        for path in paths:
            identity.set_owner(self.path(path), uid, gid)

    def remove(self, path: str, user: str = "") -> None:
        """Remove a file, as ``user``; one that is gone already is no error."""
        account = self._other(user)
        with identity.become(account) if account else contextlib.nullcontext():
            self._remove(path)

    def _remove(self, path: str) -> None:
        """A file, or the one that a link leads to, and what a run that was killed while it wrote it has left beside.

        Of a link to what is no file, to /dev/null say, only the link goes.
        """
        target = os.path.realpath(self.path(path))
        self._inside(path, target)
        for file in (temporary(target), target) if _free(target) else (self.path(path),):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(file)
                self._sync(os.path.dirname(file))

    def tell(self, path: str, text: str) -> None:
        """Write into a file of the kernel's that is there, in one call."""
        try:
            fd = os.open(self.path(path), os.O_WRONLY | CLOEXEC)
            try:
                os.write(fd, text.encode("utf-8", "surrogateescape"))
            finally:
                os.close(fd)
        except OSError as e:
            raise CommandError(f"{path}: the kernel refused what was written: {e.strerror}") from None

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

    def lock(self, path: str) -> contextlib.AbstractContextManager[None]:
        """Hold a lock file while the block runs. BusyError: another run holds it."""
        from provisioner.host import locks

        return locks.hold(self.path(path))

    def end(self, path: str, seconds: float) -> None:
        """End the run that holds a lock: asked to first, killed when ``seconds`` later it still has it."""
        import signal

        from provisioner.host import locks

        pid, deadline = locks.holder(self.path(path)), self.clock() + seconds
        for number in (signal.SIGTERM, signal.SIGKILL):
            if pid is None or locks.holder(self.path(path)) != pid:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            while self.clock() < deadline and locks.holder(self.path(path)) == pid:
                self.pause(0.1)
            deadline = self.clock() + 5

    def _trusted(self, folder: str) -> None:
        """Refuse to write where somebody else could swap what we write for a link."""
        if not OWNERS:
            return
        s = os.stat(folder)
        if s.st_uid not in (0, os.geteuid()) or (s.st_mode & 0o022 and not s.st_mode & 0o1000):
            hint = f"give it to root and close it: chown root {folder}; chmod go-w {folder}"
            raise DeniedError(f"{folder}: others may write there, so it is no place for a file of root's", hint=hint)

    def _sync(self, folder: str) -> None:
        if not OWNERS:
            return  # Windows opens no folder
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
