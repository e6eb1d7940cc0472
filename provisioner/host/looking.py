"""Find out which host this is, which user we are, and what its files contain. Nothing here changes anything."""

import contextlib
import errno
import os
import sys
from collections.abc import Mapping

from provisioner.errors import DeniedError, ProvisionerError
from provisioner.host import identity, plain
from provisioner.model import Account, Status
from provisioner.typed import Self

# Errors that count as "does not exist": an automount with a file system that the kernel does not support, a circle of
# links, a name that is too long.
NOTHING = (errno.ENODEV, errno.ELOOP, errno.ENAMETOOLONG)
NOBODY = 1  # the user ID on systems without user numbers: any value except root's
STATE, RUNTIME = "/var/lib/provisioner", "/run/provisioner"  # the host's own folders; see ``personal``


def _machine() -> str:
    """Return the CPU name from ``uname``."""
    if hasattr(os, "uname"):
        return ordered(os.uname().machine, sys.byteorder)
    import platform

    return {"AMD64": "x86_64", "ARM64": "aarch64"}.get(platform.machine(), platform.machine())


def ordered(name: str, order: str) -> str:
    """Return the CPU name with its byte order. The kernel has one name for both orders of MIPS."""
    return "mips64el" if (name, order) == ("mips64", "little") else name


class Looking:
    """One host: the tree below ``root``, seen as the current user."""

    def __init__(self, root: str = "/", environ: Mapping[str, str] | None = None, machine: str | None = None) -> None:
        self.root = root.rstrip("/")
        self.environ = os.environ if environ is None else environ
        self.platform = sys.platform
        self.uid = os.geteuid() if hasattr(os, "geteuid") else NOBODY
        self.machine = machine or (_machine())
        self.state, self.runtime = STATE, RUNTIME
        self.endpoint = ""
        self.image = False

    @property
    def top(self) -> str | int:
        """The folder at which every path starts."""
        return self.root or "/"

    def path(self, path: str) -> str:
        """Return the path, for this process, of an absolute path of the host."""
        return self.root + path if path[:1] == "/" or not self.root else f"{self.root}/{path}"

    @property
    def home(self) -> str:
        """The home folder of the current user."""
        return (
            self.environ.get("HOME")
            or self.environ.get("USERPROFILE", "").replace("\\", "/")
            or identity.home(self.uid)
        )

    @property
    def user(self) -> str:
        """The name of the current user."""
        return identity.name(self.uid)

    def personal(self) -> Self:
        """Return the same host, with data folders that belong to the current user."""
        import copy  # only for an engine that does not run as root

        other = copy.copy(self)
        other.state = f"{self.environ.get('XDG_STATE_HOME') or self.home + '/.local/state'}/provisioner"
        run = self.environ.get("XDG_RUNTIME_DIR")
        there = run and os.path.isdir(self.path(run))  # ``su`` passes on the variable without the session
        other.runtime = f"{run}/provisioner" if there else f"{other.state}/run"
        return other

    def at(self, endpoint: str) -> Self:
        """Return the same host, with docker pointed at an engine other than the default one."""
        import copy

        other = copy.copy(self)
        other.endpoint = endpoint
        return other

    @property
    def asleep(self) -> bool:
        """Whether this is an image that is not running, even if a /proc is mounted in it."""
        return self.image or self.stat("/proc/self") is None

    def read(self, path: str, *, user: str = "") -> str | None:
        """Read a file. Undecodable bytes become surrogates.

        A file of a ``user`` is read as that user, and only if it is a regular file of a reasonable size.

        Returns: the text, or None if the file does not exist.
        Raises: DeniedError if this user may not read it.
        """
        account = self._other(user)
        if not user or user == "root":
            data = self.head(path, -1)
        else:
            with identity.become(account) if account else contextlib.nullcontext():
                data = identity.read(self.path(path), path)
        return None if data is None else data.decode("utf-8", "surrogateescape")

    def head(self, path: str, size: int, *, piped: bool = False) -> bytes | None:
        """Return the first bytes of a file (-1: all), or None if it does not exist.

        ``piped`` also allows a pipe, which returns its data in parts.

        Raises: ProvisionerError if it is not a regular file.
        """
        try:
            if self.root:
                self._inside(path, os.path.realpath(self.path(path)))
            if not piped:
                return plain.read(self.path(path), path, size)
            with open(self.path(path), "rb", buffering=0) as file:
                return plain.content(file.fileno(), path, size)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:
            raise DeniedError(f"{path}: this user may not read it", hint="run as root") from None
        except ValueError:  # a path from outside that contains a NUL
            return None
        except OSError as e:
            if e.errno == errno.ENAMETOOLONG:
                return None
            raise ProvisionerError(f"{path}: {e.strerror}", hint="correct it, or move it away") from None

    def size(self, path: str) -> int:
        """Return the size of a file in bytes, or 0 if it does not exist."""
        try:
            return os.stat(self.path(path)).st_size
        except (OSError, ValueError):
            return 0

    def tail(self, path: str, start: int) -> str:
        """Return a file's text from an offset on, or all of it if the file is now shorter.

        A negative ``start`` returns that many bytes from the end.
        """
        try:
            with open(self.path(path), "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size + start) if start < 0 else start if start <= size else 0)
                return file.read().decode("utf-8", "replace")
        except (OSError, ValueError):
            return ""

    def names(self, path: str, *, user: str = "") -> tuple[str, ...]:
        """Return the sorted names in a directory, or nothing if the directory does not exist."""
        account = self._other(user)
        try:
            with identity.become(account) if account else contextlib.nullcontext():
                return tuple(sorted(os.listdir(self.path(path))))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except PermissionError:
            raise DeniedError(f"{path}: this user may not look into it", hint="run as root") from None
        except ValueError:
            return ()
        except OSError as e:
            if e.errno in NOTHING:
                return ()
            raise

    def own_names(self, path: str) -> tuple[str, ...]:
        """Return the sorted names in a folder of ours, or nothing if other users could have led us there by a link."""
        from provisioner.host import paths  # only for what sudo leaves in a user's home

        try:
            with paths.reached(self.top, path, follow=False, judge=paths.LINKS) as place:
                return paths.own_names(place)
        except (OSError, ValueError, DeniedError):
            return ()

    def stat(self, path: str) -> Status | None:
        """Return the status of the file at a path, following links, or None if nothing exists there."""
        try:
            s = os.stat(self.path(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:
            raise DeniedError(f"{path}: this user may not see it", hint="run as root") from None
        except ValueError:
            return None
        except OSError as e:
            if e.errno in NOTHING:
                return None
            raise
        directory = s.st_mode & 0o170000 == 0o040000
        return Status(s.st_mode & 0o7777, s.st_uid, s.st_gid, directory, (s.st_dev, s.st_ino))

    def status(self, path: str) -> Status | None:
        """Return the status of a path itself, without following its links, or None if nothing exists there.

        The folder that holds the path may belong to any user.
        """
        try:
            s = os.lstat(self.path(path))
        except (OSError, ValueError):
            return None
        return Status(s.st_mode & 0o7777, s.st_uid, s.st_gid, s.st_mode & 0o170000 == 0o040000)

    def directory(self, path: str, user: str) -> bool | None:
        """Return whether a user finds a directory at a path, following links, or None if nothing exists there.

        Raises: DeniedError if this user may not see it.
        """
        account = self._other(user)
        with identity.become(account) if account else contextlib.nullcontext():
            there = self.stat(path)
        return None if there is None else there.directory

    def link(self, path: str) -> str | None:
        """Return the target of a symbolic link, or None if the path is not a symbolic link."""
        try:
            return os.readlink(self.path(path))
        except (OSError, ValueError):
            return None

    def unwritable(self, path: str) -> str:
        """Return why a file cannot be opened for writing. Empty if it can be, or does not exist. Writes nothing."""
        flags = os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            os.close(os.open(self.path(path), flags))
        except (FileNotFoundError, ValueError):
            return ""
        except OSError as e:
            return e.strerror or "it cannot be opened"
        return ""

    def unmakeable(self, path: str, user: str = "") -> str:
        """Return why no file can be made where a path is. Empty if one can be, or if only an attempt will tell.

        A file of ``user`` without a name is made and filled with one block. It is gone when it is closed.
        """
        from provisioner.host import trying  # only for a plan

        account = self._other(user)
        folder = path.rpartition("/")[0] or "/"
        with identity.become(account) if account else contextlib.nullcontext():
            while len(folder) > 1 and not os.path.isdir(self.path(folder)):
                folder = folder.rpartition("/")[0] or "/"
            return trying.refusal(self.path(folder))

    def barred(self, path: str, user: str) -> str | None:
        """Return the folder where a user would have to make a path, if the user may not do that there, else None.

        If the path is there, it is itself such a folder. A link that leads nowhere counts as one.
        """
        account = self._other(user)
        with identity.become(account) if account else contextlib.nullcontext():
            while len(path) > 1 and not os.path.lexists(self.path(path)):
                path = path.rpartition("/")[0] or "/"
            asked = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
            return None if os.access(self.path(path), os.W_OK | os.X_OK, **asked) else path

    def free(self, path: str) -> int:
        """Return the free bytes, for root, on the file system that holds or would hold a path."""
        there = self.path(path)
        while not os.path.isdir(there) and len(there) > 1:
            there = os.path.dirname(there)
        found = os.statvfs(there or "/")
        return found.f_bfree * found.f_frsize

    def room(self, path: str) -> int | None:
        """Return the size in bytes of the file system that holds a path.

        Returns: None if the path does not exist, or if this user may not read it.
        """
        try:
            found = os.statvfs(self.path(path))
        except (OSError, ValueError):
            return None
        return found.f_blocks * found.f_frsize

    def started(self, pid: int) -> str:
        """Return who started a process, and when. Empty if unknown."""
        from provisioner.host import people  # psutil takes 15 ms, and only a plan needs it

        return people.started(pid, self.path("/proc"))

    def messages(self, unit: str, lines: int, *, user: int | None = None) -> list[str] | None:
        """Return the last messages of a unit in systemd's journal, oldest first, or None if that is unknown.

        ``user`` is the owner of a user's unit.
        """
        from provisioner.host import journal  # only for a daemon that did not start

        return journal.last(unit, lines, user) if self.top == "/" else None

    def account(self, user: str) -> Account | None:
        """Return a user's account, or None if the user does not exist."""
        return identity.account(user)

    def _other(self, user: str) -> Account | None:
        """Return the account to switch to for a user, or None if no switch is needed or allowed."""
        if not user or user == "root" or self.uid != 0:
            return None
        if (found := identity.account(user)) is None:
            raise ProvisionerError(f"there is no user {user} on this host", hint="remove the name from builder.users")
        return found

    def _inside(self, path: str, target: str) -> None:
        """Refuse to follow a link out of an image: outside, it refers to a different file than in the running image."""
        if self.root and target != os.devnull and not target.startswith(f"{os.path.realpath(self.root)}/"):
            hint = "make the link relative, or edit the file there yourself"
            raise DeniedError(f"{path}: a link leads out of the image, to {target}", hint=hint)
