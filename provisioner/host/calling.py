"""Programs, probes and engines: whatever answers.

``ask``, ``runs`` and what GETs change nothing; ``run``, ``post`` and ``pour`` do.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from provisioner import secrets
from provisioner.errors import ClusterError, CommandError, DeniedError, NoEngineError
from provisioner.host import identity, probes, wire
from provisioner.host.looking import Looking
from provisioner.model import Account, ClusterAccess, Ran
from provisioner.typed import Any

DIRECTORIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin", "/snap/bin")
ELSEWHERE = {  # where other systems have Docker's programs, and what theirs need of the environment
    "darwin": ((*DIRECTORIES, "/opt/homebrew/bin", "/Applications/Docker.app/Contents/Resources/bin"), ()),
    "win32": (
        ("C:/Windows/System32", "C:/Program Files/Docker/Docker/resources/bin", "C:/Program Files/Docker/Docker"),
        ("SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    ),
}
RUN = 10.0  # seconds that a probe has: QEMU needs a hundredth of one
AGENT = "SSH_AUTH_SOCK"
SESSION = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_HOME", "DOCKER_CONFIG")


class Calling(Looking):
    """What is run on a host, and what is asked of its engines."""

    def __init__(self, root: str = "/", environ: Mapping[str, str] | None = None, machine: str | None = None) -> None:
        super().__init__(root, environ, machine)
        self._expected: dict[tuple[str, str], Any] = {}
        self._begun: dict[tuple[bytes, bool], probes.Begun] = {}

    def program(self, name: str) -> str | None:
        """Where the host keeps a program; None: nowhere that we trust."""
        files = (name, f"{name}.exe") if self.platform == "win32" else (name,)
        candidates = files if ":/" in name or name[:1] == "/" else [f"{d}/{n}" for d in self._folders() for n in files]
        return next((self.path(c) for c in candidates if os.access(self.path(c), os.X_OK)), None)

    def ask(self, *argv: str, text: str = "", timeout: int = 20, user: str = "") -> Ran:
        """Run a program that changes nothing, ``text`` on its stdin."""
        try:
            return self._spawn(argv, text, timeout, user)
        except CommandError as e:
            return Ran(None, "", e.message)

    def runs(self, programs: Sequence[bytes], *, bare: bool = False) -> list[Ran]:
        """Run static ELF programs of ours, held in memory, all at once, nothing on their stdin.

        ``bare``, for root: in a root directory without any file, as in a container made from scratch.
        """
        self.begin(programs, bare=bare)
        deadline = time.monotonic() + RUN
        begun = [self._begun.pop((program, bare)) for program in programs]
        inodes = [probes.release(one, deadline) for one in begun]  # they all end at once, then
        return [probes.finish(one, deadline, inode) for one, inode in zip(begun, inodes, strict=True)]

    def begin(self, programs: Iterable[bytes], *, bare: bool = False) -> None:
        """Start probes now whose end ``runs`` will wait for: the emulators work while we import."""
        for program in (p for p in programs if (p, bare) not in self._begun):
            self._begun[program, bare] = probes.start(program, bare=bare)

    def run(self, argv: tuple[str, ...], timeout: int, text: str = "", user: str = "") -> str:
        """Run a program that changes the host, as ``user``; its stdout. CommandError says what it said."""
        ran = self._spawn(argv, text, timeout, user, tied=True)
        if ran.status != 0:
            said = " / ".join(line.strip() for line in ran.error.splitlines()[-3:]) or "it said nothing"
            hint = "run that command by hand to see all that it says"
            words = " ".join(map(secrets.word, argv))
            raise CommandError(f"`{words}` failed with status {ran.status}: {said}", hint=hint)
        return ran.stdout

    def request(self, socket: str, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
        """One exchange with the engine at a Unix socket: the status and the body. NoEngineError, DeniedError."""
        return wire.receive(socket, wire.send(socket, lambda: self._connected(socket), method, path, body, kind))

    def expect(self, socket: str, path: str) -> None:
        """Send a GET now whose answer ``get`` will read: the engine thinks while we import."""
        with contextlib.suppress(NoEngineError, DeniedError):  # ``get`` will say so
            self._expected[socket, path] = wire.send(socket, lambda: self._connected(socket), "GET", path)

    def get(self, socket: str, path: str) -> Any:
        """The JSON that the engine at a Unix socket gives for a GET; None: it knows no such thing.

        The whole answer is limited in time and size: anybody may listen there.
        """
        sent = self._expected.pop((socket, path), None)
        if sent is None:
            sent = wire.send(socket, lambda: self._connected(socket), "GET", path)
        status, body = wire.receive(socket, sent, self._patience(socket), wire.JSON)
        if status == 404:
            return None
        if status >= 400:
            raise wire.refused(socket, path, status, body)
        return wire.content(socket, path, body)

    def _patience(self, socket: str) -> float:
        """The seconds for an answer about an engine. Who listens at another user's socket may mean to keep us."""
        there = None if "://" in socket else self.status(socket)
        return wire.ANSWER if there is None or there.uid in (0, self.uid) else wire.STRANGER

    def download(self, socket: str, path: str) -> bytes | None:
        """The bytes that the engine at a Unix socket gives for a GET; None: it knows no such thing."""
        status, body = self.request(socket, "GET", path)
        return body if status < 400 else None

    def post(self, socket: str, path: str, body: Any = None, *, method: str = "POST", kind: str = "") -> Any:
        """The engine's answer to a call that changes something: JSON where it is any, else text."""
        import json

        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        status, answer = self.request(socket, method, path, data, kind or "application/json")
        text = answer.decode(errors="replace").strip()
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = text
        if status >= 400:
            said = content.get("message", text) if isinstance(content, dict) else text
            raise CommandError(f"the engine refused {method} {path.partition('?')[0]}: {said}")
        return content

    def pour(self, socket: str, path: str, argv: tuple[str, ...], moved: Callable[[int], None]) -> str:
        """Give the engine's answer to a GET to a program; ``moved`` hears how many bytes it has had. Its output."""
        from provisioner.host import pipes  # only a migration

        program = self._found(argv[0])
        return pipes.pour(
            wire.send(socket, lambda: self._connected(socket), "GET", path), argv, program, self._scrubbed(None), moved
        )

    def fetch(
        self, url: str, method: str, headers: Mapping[str, str], trusted: Sequence[str] = (), *, insecure: bool = False
    ) -> tuple[int, dict[str, str], bytes]:
        """One exchange with a registry: status, header fields in lower case, body. ProvisionerError: none answers.

        ``trusted``: files of certificates that count beside the host's own; ``insecure``: any certificate does.
        """
        from provisioner.host import web  # http.client costs a check 29 ms

        return web.fetch(url, method, headers, [self.path(file) for file in trusted], insecure=insecure)

    def ask_cluster(self, access: ClusterAccess, path: str) -> Any:
        """Return the JSON of an object or list of a cluster; None: there is none. Raises: ClusterError."""
        status, found = self.call_cluster(access, "GET", path)
        if status == 404:
            return None
        if status >= 400:
            said = found.get("message") if isinstance(found, dict) else found
            hint = f"{access.source} must allow its user to read that"
            raise ClusterError(f"the cluster at {access.server} refused GET {path} ({status}): {said}", hint=hint)
        return found

    def call_cluster(
        self, access: ClusterAccess, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> tuple[int, Any]:
        """Send one request to a cluster's API server; its status, and its JSON or text. Raises: ClusterError."""
        import json

        from provisioner.host import cluster  # it brings http.client and ssl

        data = b"" if body is None else json.dumps(body).encode()
        status, answer = cluster.exchange(access, method, path, data, kind if data else "")
        text = answer.decode(errors="replace").strip()
        try:
            return status, json.loads(text)
        except (ValueError, RecursionError):
            return status, text

    def _spawn(self, argv: tuple[str, ...], text: str, timeout: int, user: str = "", *, tied: bool = False) -> Ran:
        from provisioner.host import programs  # subprocess costs 10 ms that a check in sync need not pay

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
            if self.platform == "linux":  # cron and sudo leave it out, and systemctl --user needs it
                clean.setdefault("XDG_RUNTIME_DIR", f"/run/user/{self.uid}")
        if self.endpoint.startswith("ssh://") and AGENT in self.environ:
            clean[AGENT] = self.environ[AGENT]
        return clean | (_leading(self.endpoint) if self.endpoint else {})

    def _connected(self, socket: str) -> wire.Wire:
        """A connection to an engine, on this host or wherever its address leads. OSError."""
        if "://" not in socket:
            return wire.connected(self.path(socket))
        from provisioner.host import remote

        ssh = self._found("ssh") if socket.startswith("ssh://") else ""
        return remote.connect(socket, ssh, self.at(socket)._scrubbed(None))

    def _folders(self) -> tuple[str, ...]:
        """Where programs are looked for."""
        return ELSEWHERE[self.platform][0] if self.platform in ELSEWHERE else DIRECTORIES


def _leading(endpoint: str) -> dict[str, str]:
    """The variables that lead docker to an engine, with the certificates that TLS needs."""
    address, tls, rest = endpoint.partition("?tls=")
    folder, _, verify = rest.rpartition("&verify=")
    secured = {"DOCKER_CERT_PATH": folder, **({"DOCKER_TLS_VERIFY": "1"} if verify == "1" else {"DOCKER_TLS": "1"})}
    return {"DOCKER_HOST": address, **(secured if tls else {})}
