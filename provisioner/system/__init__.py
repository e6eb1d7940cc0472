"""The only package that touches the host: read, ask, write, remove, run.

Everything goes through one ``System``, whose root, environment and user are fields, so that a test can hand over a
directory tree instead. Code that must not change anything is handed the same object as a ``model.Reader``.
"""

import contextlib
import errno
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from provisioner.errors import CommandError, DeniedError, NoEngineError, ProvisionerError
from provisioner.model import Account, Ran, Status
from provisioner.system import identity, programs, wire

DIRECTORIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin", "/snap/bin")
ELSEWHERE = {  # where other systems have Docker's programs, and what theirs need of the environment
    "darwin": ((*DIRECTORIES, "/opt/homebrew/bin", "/Applications/Docker.app/Contents/Resources/bin"), ()),
    "win32": (
        ("C:/Windows/System32", "C:/Program Files/Docker/Docker/resources/bin", "C:/Program Files/Docker/Docker"),
        ("SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    ),
}
OWNERS = hasattr(os, "geteuid")  # whether files have owners as POSIX knows them
NOBODY = 1  # the user where users have no numbers: anybody but root
NOFOLLOW, CLOEXEC = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_CLOEXEC", 0)  # not to be had on Windows
RUN = 10.0  # seconds that a probe has: QEMU needs a hundredth of one
STATE, RUNTIME = "/var/lib/provisioner", "/run/provisioner"  # the host's own; see ``personal``
AGENT = "SSH_AUTH_SOCK"
SESSION = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_HOME", "DOCKER_CONFIG")


def temporary(path: str) -> str:
    """Where a file is written before it is renamed to ``path``."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.provisioner"


def _machine() -> str:
    """The CPU's name where there is no ``uname``."""
    import platform

    return {"AMD64": "x86_64", "ARM64": "aarch64"}.get(platform.machine(), platform.machine())


class System:
    """One host: the tree below ``root``, seen and changed as the current user."""

    def __init__(self, root: str = "/", environ: Mapping[str, str] | None = None, machine: str | None = None) -> None:
        self.root = root.rstrip("/")
        self.environ = os.environ if environ is None else environ
        self.platform = sys.platform
        self.uid = os.geteuid() if hasattr(os, "geteuid") else NOBODY
        self.machine = machine or (os.uname().machine if hasattr(os, "uname") else _machine())
        self.state, self.runtime = STATE, RUNTIME
        self.endpoint = ""
        self.image = False
        self._expected: dict[tuple[str, str], Any] = {}
        self._begun: dict[tuple[bytes, bool], programs.Begun] = {}

    @property
    def asleep(self) -> bool:
        """Whether this is an image that does not run, even if somebody has mounted a /proc in it."""
        return self.image or self.stat("/proc/self") is None

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

    def personal(self) -> "System":
        """The same host, with what we keep in the folders of the user that we are."""
        import copy  # only for an engine that is not root's own

        other = copy.copy(self)
        other.state = f"{self.environ.get('XDG_STATE_HOME') or self.home + '/.local/state'}/provisioner"
        run = self.environ.get("XDG_RUNTIME_DIR")
        there = run and os.path.isdir(self.path(run))  # ``su`` hands down a session's name without the session
        other.runtime = f"{run}/provisioner" if there else f"{other.state}/run"
        return other

    def at(self, endpoint: str) -> "System":
        """The same host, whose docker talks to another engine than its default one."""
        import copy

        other = copy.copy(self)
        other.endpoint = endpoint
        return other

    # --- the half that only looks -------------------------------------------------------------------------------

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

    def head(self, path: str, size: int) -> bytes | None:
        """The first bytes of a file (all for -1); None: there is none."""
        if self.root:
            self._inside(path, os.path.realpath(self.path(path)))
        try:
            with open(self.path(path), "rb", buffering=0) as file:
                return file.read(size)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:
            raise DeniedError(f"{path}: this user may not read it", hint="run as root") from None
        except OSError as e:
            raise ProvisionerError(f"{path}: {e.strerror}", hint="put it right, or move it away") from None

    def size(self, path: str) -> int:
        """How many bytes a file has; 0: there is none."""
        try:
            return os.stat(self.path(path)).st_size
        except OSError:
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
        except OSError as e:
            if e.errno == errno.ENODEV:  # an automount whose file system the kernel does not have
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
        except OSError as e:
            if e.errno == errno.ENODEV:
                return None
            raise
        directory = s.st_mode & 0o170000 == 0o040000
        return Status(s.st_mode & 0o7777, s.st_uid, s.st_gid, directory, (s.st_dev, s.st_ino))

    def free(self, path: str) -> int:
        """The bytes that root may still write where a path lies, or would lie."""
        there = self.path(path)
        while not os.path.isdir(there) and len(there) > 1:
            there = os.path.dirname(there)
        found = os.statvfs(there or "/")
        return found.f_bfree * found.f_frsize

    def status(self, path: str) -> Status | None:
        """What stands at a path itself, links not followed, whoever's folder it lies in; None: nothing."""
        try:
            s = os.lstat(self.path(path))
        except OSError:
            return None
        return Status(s.st_mode & 0o7777, s.st_uid, s.st_gid, s.st_mode & 0o170000 == 0o040000)

    def link(self, path: str) -> str | None:
        """Where a symbolic link points to; None: it is none."""
        try:
            return os.readlink(self.path(path))
        except OSError:
            return None

    def account(self, user: str) -> Account | None:
        """A user's account; None: there is no such user."""
        return identity.account(user)

    def room(self, path: str) -> int | None:
        """How many bytes the file system of a path holds; None: there is no such path, or none may look."""
        try:
            found = os.statvfs(self.path(path))
        except OSError:
            return None
        return found.f_blocks * found.f_frsize

    def program(self, name: str) -> str | None:
        """Where the host keeps a program; None: nowhere that we trust."""
        files = (name, f"{name}.exe") if self.platform == "win32" else (name,)
        candidates = files if ":/" in name or name[:1] == "/" else [f"{d}/{n}" for d in self._folders() for n in files]
        return next((self.path(c) for c in candidates if os.access(self.path(c), os.X_OK)), None)

    def request(self, socket: str, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
        """One exchange with the engine at a Unix socket: the status and the body. NoEngineError, DeniedError."""
        return wire.receive(socket, wire.send(socket, lambda: self._connected(socket), method, path, body, kind))

    def expect(self, socket: str, path: str) -> None:
        """Send a GET now whose answer ``get`` will read: the engine thinks while we import."""
        with contextlib.suppress(NoEngineError, DeniedError):  # ``get`` will say so
            self._expected[socket, path] = wire.send(socket, lambda: self._connected(socket), "GET", path)

    def get(self, socket: str, path: str) -> Any:
        """The JSON that the engine at a Unix socket gives for a GET; None: it knows no such thing."""
        sent = self._expected.pop((socket, path), None)
        status, body = wire.receive(socket, sent) if sent else self.request(socket, "GET", path)
        if status == 404:
            return None
        if status >= 400:
            text = body.decode(errors="replace").strip()
            raise NoEngineError(f"unix://{socket}: GET {path} gave {status}: {text}", hint="journalctl -u docker")
        return json.loads(body)

    def download(self, socket: str, path: str) -> bytes | None:
        """The bytes that the engine at a Unix socket gives for a GET; None: it knows no such thing."""
        status, body = self.request(socket, "GET", path)
        return body if status < 400 else None

    def fetch(
        self, url: str, method: str, headers: Mapping[str, str], trusted: Sequence[str] = ()
    ) -> tuple[int, dict[str, str], bytes]:
        """One exchange with a registry: status, header fields in lower case, body. ProvisionerError: none answers.

        ``trusted``: files of certificates that count beside the host's own.
        """
        from provisioner.system import web  # http.client costs a check 29 ms

        return web.fetch(url, method, headers, [self.path(file) for file in trusted])

    def ask(self, *argv: str, text: str = "", timeout: int = 20, user: str = "") -> Ran:
        """Run a program that changes nothing, ``text`` on its stdin."""
        try:
            return self._spawn(argv, text, timeout, user)
        except CommandError as e:
            return Ran(None, "", e.message)

    def runs(self, probes: Sequence[bytes], *, bare: bool = False) -> list[Ran]:
        """Run static ELF programs of ours, held in memory, all at once, nothing on their stdin.

        ``bare``, for root: in a root directory without any file, as in a container made from scratch.
        """
        self.begin(probes, bare=bare)
        deadline = time.monotonic() + RUN
        return [programs.finish(self._begun.pop((probe, bare)), deadline) for probe in probes]

    def begin(self, probes: Iterable[bytes], *, bare: bool = False) -> None:
        """Start probes now whose end ``runs`` will wait for: the emulators work while we import."""
        for probe in (p for p in probes if (p, bare) not in self._begun):
            self._begun[probe, bare] = programs.start(probe, bare=bare)

    # --- the half that changes ----------------------------------------------------------------------------------

    def post(self, socket: str, path: str, body: Any = None, *, method: str = "POST", kind: str = "") -> Any:
        """The engine's answer to a call that changes something: JSON where it is any, else text."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        status, answer = self.request(socket, method, path, data, kind or "application/json")
        text = answer.decode(errors="replace").strip()
        try:
            content = json.loads(text)
        except ValueError:
            content = text
        if status >= 400:
            said = content.get("message", text) if isinstance(content, dict) else text
            raise CommandError(f"the engine refused {method} {path.partition('?')[0]}: {said}")
        return content

    def run(self, argv: tuple[str, ...], timeout: int, text: str = "", user: str = "") -> str:
        """Run a program that changes the host, as ``user``; its stdout. CommandError says what it said."""
        ran = self._spawn(argv, text, timeout, user, tied=True)
        if ran.status != 0:
            said = " / ".join(line.strip() for line in ran.error.splitlines()[-3:]) or "it said nothing"
            hint = "run that command by hand to see all that it says"
            raise CommandError(f"`{' '.join(argv)}` failed with status {ran.status}: {said}", hint=hint)
        return ran.stdout

    def pour(self, socket: str, path: str, argv: tuple[str, ...], moved: Callable[[int], None]) -> str:
        """Give the engine's answer to a GET to a program; ``moved`` hears how many bytes it has had. Its output."""
        from provisioner.system import pipes  # only a migration

        program = self._found(argv[0])
        return pipes.pour(
            wire.send(socket, lambda: self._connected(socket), "GET", path), argv, program, self._scrubbed(None), moved
        )

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
        """A file, and what a run that was killed while it wrote it has left beside it."""
        for file in (temporary(os.path.realpath(self.path(path))), self.path(path)):
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
        from provisioner.system import locks

        return locks.hold(self.path(path))

    def end(self, path: str, seconds: float) -> None:
        """End the run that holds a lock: asked to first, killed when ``seconds`` later it still has it."""
        from provisioner.system import locks

        pid, deadline = locks.holder(self.path(path)), self.clock() + seconds
        for number in (programs.SIGTERM, programs.SIGKILL):
            if pid is None or locks.holder(self.path(path)) != pid:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            while self.clock() < deadline and locks.holder(self.path(path)) == pid:
                self.pause(0.1)
            deadline = self.clock() + 5

    # --- how it is done -----------------------------------------------------------------------------------------

    def _other(self, user: str) -> Account | None:
        """The account to become for something; None: we need not, or may not, become anybody."""
        if not user or user == "root" or self.uid != 0:
            return None
        if (found := identity.account(user)) is None:
            raise ProvisionerError(f"there is no user {user} on this host", hint="take the name out of builder.users")
        return found

    def _spawn(self, argv: tuple[str, ...], text: str, timeout: int, user: str = "", *, tied: bool = False) -> Ran:
        program, account = self._found(argv[0]), self._other(user)
        return programs.spawn(argv, program, self._scrubbed(account), text, timeout, account, tied=tied)

    def _found(self, name: str) -> str:
        """A program of the host's. CommandError: it is not there."""
        program = self.program(name)
        if program is None:
            raise CommandError(f"{name}: no such program on this host", hint="install it, or check its permissions")
        return program

    def _scrubbed(self, account: Account | None) -> dict[str, str]:
        """All of the environment that a program of the host's gets from us."""
        home = account.home if account else identity.home(self.uid)
        clean = {"PATH": os.pathsep.join(map(self.path, self._folders())), "LC_ALL": "C.UTF-8", "HOME": home}
        if self.uid != 0:  # nobody else's session, and nobody else's rights
            needed = (*SESSION, *ELSEWHERE.get(self.platform, ((), ()))[1])
            clean |= {name: self.environ[name] for name in needed if name in self.environ}
        if self.endpoint.startswith("ssh://") and AGENT in self.environ:
            clean[AGENT] = self.environ[AGENT]
        return clean | ({"DOCKER_HOST": self.endpoint} if self.endpoint else {})

    def _connected(self, socket: str) -> wire.Wire:
        """A connection to an engine, on this host or wherever its address leads. OSError."""
        if "://" not in socket:
            return wire.connected(self.path(socket))
        from provisioner.system import remote

        ssh = self._found("ssh") if socket.startswith("ssh://") else ""
        return remote.connect(socket, ssh, self.at(socket)._scrubbed(None))

    def _folders(self) -> tuple[str, ...]:
        """Where programs are looked for."""
        return ELSEWHERE[self.platform][0] if self.platform in ELSEWHERE else DIRECTORIES

    def _trusted(self, folder: str) -> None:
        """Refuse to write where somebody else could swap what we write for a link."""
        if not OWNERS:
            return
        s = os.stat(folder)
        if s.st_uid not in (0, os.geteuid()) or (s.st_mode & 0o022 and not s.st_mode & 0o1000):
            hint = f"give it to root and close it: chown root {folder}; chmod go-w {folder}"
            raise DeniedError(f"{folder}: others may write there, so it is no place for a file of root's", hint=hint)

    def _inside(self, path: str, target: str) -> None:
        """Refuse to follow a link out of an image, where it means another file than it will mean to the image."""
        if self.root and target != os.devnull and not target.startswith(f"{os.path.realpath(self.root)}/"):
            hint = "let it be relative, or set the file there by hand"
            raise DeniedError(f"{path}: a link leads out of the image, to {target}", hint=hint)

    def _sync(self, folder: str) -> None:
        if not OWNERS:
            return  # Windows opens no folder
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
