"""Which host this is, who we are there, and what its files show. Nothing here changes anything."""

import contextlib
import errno
import os
import sys
from collections.abc import Mapping

from provisioner.errors import DeniedError, ProvisionerError
from provisioner.host import identity, plain
from provisioner.model import Account, Status
from provisioner.typed import Self

# What no path leads to: an automount whose file system the kernel does not have, links in a circle, a name without end.
NOTHING = (errno.ENODEV, errno.ELOOP, errno.ENAMETOOLONG)
NOBODY = 1  # the user where users have no numbers: anybody but root
STATE, RUNTIME = "/var/lib/provisioner", "/run/provisioner"  # the host's own; see ``personal``


def _machine() -> str:
    """The CPU's name as ``uname`` has it. Of MIPS, which says one name for both byte orders, with ours in it."""
    if hasattr(os, "uname"):
        name = os.uname().machine
        return "mips64el" if (name, sys.byteorder) == ("mips64", "little") else name
    import platform

    return {"AMD64": "x86_64", "ARM64": "aarch64"}.get(platform.machine(), platform.machine())


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
        """The folder that every path starts at."""
        return self.root or "/"

    def path(self, path: str) -> str:
        """Where an absolute path of the host lies for us."""
        return self.root + path if path[:1] == "/" or not self.root else f"{self.root}/{path}"

    @property
    def home(self) -> str:
        """The home folder of the user that we are."""
        return (
            self.environ.get("HOME")
            or self.environ.get("USERPROFILE", "").replace("\\", "/")
            or identity.home(self.uid)
        )

    @property
    def user(self) -> str:
        """The name of the user that we are."""
        return identity.name(self.uid)

    def personal(self) -> Self:
        """The same host, with what we keep in the folders of the user that we are."""
        import copy  # only for an engine that is not root's own

        other = copy.copy(self)
        other.state = f"{self.environ.get('XDG_STATE_HOME') or self.home + '/.local/state'}/provisioner"
        run = self.environ.get("XDG_RUNTIME_DIR")
        there = run and os.path.isdir(self.path(run))  # ``su`` hands down a session's name without the session
        other.runtime = f"{run}/provisioner" if there else f"{other.state}/run"
        return other

    def at(self, endpoint: str) -> Self:
        """The same host, whose docker talks to another engine than its default one."""
        import copy

        other = copy.copy(self)
        other.endpoint = endpoint
        return other

    @property
    def asleep(self) -> bool:
        """Whether this is an image that does not run, even if somebody has mounted a /proc in it."""
        return self.image or self.stat("/proc/self") is None

    def read(self, path: str, *, user: str = "") -> str | None:
        """A file's text, undecodable bytes kept as surrogates; None: there is none. DeniedError: may not look.

        A ``user``'s file is read as that user, and only if it is a plain one of a size that one could have meant.
        """
        account = self._other(user)
        if not user or user == "root":
            data = self.head(path, -1)
        else:
            with identity.become(account) if account else contextlib.nullcontext():
                data = identity.read(self.path(path), path)
        return None if data is None else data.decode("utf-8", "surrogateescape")

    def head(self, path: str, size: int, *, piped: bool = False) -> bytes | None:
        """The first bytes of a file (all for -1); None: there is none. ProvisionerError: it is no file.

        ``piped``: a pipe may be meant, too, which gives a part at a time.
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
        except ValueError:  # a NUL in what somebody says is a path
            return None
        except OSError as e:
            if e.errno == errno.ENAMETOOLONG:
                return None
            raise ProvisionerError(f"{path}: {e.strerror}", hint="put it right, or move it away") from None

    def size(self, path: str) -> int:
        """How many bytes a file has; 0: there is none."""
        try:
            return os.stat(self.path(path)).st_size
        except (OSError, ValueError):
            return 0

    def tail(self, path: str, start: int) -> str:
        """A file's text from an offset on, all of it where it has become shorter; below 0: so many bytes at its end."""
        try:
            with open(self.path(path), "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size + start) if start < 0 else start if start <= size else 0)
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def names(self, path: str, *, user: str = "") -> tuple[str, ...]:
        """The names in a directory, sorted; none where there is no such directory."""
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

    def stat(self, path: str) -> Status | None:
        """What stands at a path, links followed; None: nothing."""
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
        """What stands at a path itself, links not followed, whoever's folder it lies in; None: nothing."""
        try:
            s = os.lstat(self.path(path))
        except (OSError, ValueError):
            return None
        return Status(s.st_mode & 0o7777, s.st_uid, s.st_gid, s.st_mode & 0o170000 == 0o040000)

    def link(self, path: str) -> str | None:
        """Where a symbolic link points to; None: it is none."""
        try:
            return os.readlink(self.path(path))
        except (OSError, ValueError):
            return None

    def unwritable(self, path: str) -> str:
        """Why a file cannot be opened for writing; empty: it can, or is not there. Nothing is written."""
        flags = os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            os.close(os.open(self.path(path), flags))
        except FileNotFoundError:
            return ""
        except OSError as e:
            return e.strerror or "it cannot be opened"
        return ""

    def free(self, path: str) -> int:
        """The bytes that root may still write where a path lies, or would lie."""
        there = self.path(path)
        while not os.path.isdir(there) and len(there) > 1:
            there = os.path.dirname(there)
        found = os.statvfs(there or "/")
        return found.f_bfree * found.f_frsize

    def room(self, path: str) -> int | None:
        """How many bytes the file system of a path holds; None: there is no such path, or none may look."""
        try:
            found = os.statvfs(self.path(path))
        except (OSError, ValueError):
            return None
        return found.f_blocks * found.f_frsize

    def started(self, pid: int) -> str:
        """Who has started a process, and when; empty: nobody can tell."""
        from provisioner.host import people  # psutil takes 15 ms, and only a plan asks

        return people.started(pid, self.path("/proc"))

    def account(self, user: str) -> Account | None:
        """A user's account; None: there is no such user."""
        return identity.account(user)

    def _other(self, user: str) -> Account | None:
        """The account to become for something; None: we need not, or may not, become anybody."""
        if not user or user == "root" or self.uid != 0:
            return None
        if (found := identity.account(user)) is None:
            raise ProvisionerError(f"there is no user {user} on this host", hint="take the name out of builder.users")
        return found

    def _inside(self, path: str, target: str) -> None:
        """Refuse to follow a link out of an image, where it means another file than it will mean to the image."""
        if self.root and target != os.devnull and not target.startswith(f"{os.path.realpath(self.root)}/"):
            hint = "let it be relative, or set the file there by hand"
            raise DeniedError(f"{path}: a link leads out of the image, to {target}", hint=hint)
