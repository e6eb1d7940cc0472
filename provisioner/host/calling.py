"""Run programs and test programs, and send requests to engines and clusters.

``ask``, ``runs`` and GET requests change nothing. ``run``, ``post`` and ``pour`` may change the host.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from provisioner import secrets
from provisioner.errors import ClusterError, CommandError, DeniedError, NoEngineError
from provisioner.host import identity, probes, wire
from provisioner.host.looking import Looking
from provisioner.model import Account, ClusterAccess, Ran
from provisioner.typed import Any

DIRECTORIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin", "/snap/bin")
# Where other systems install Docker's programs, and which environment variables those programs need.
ELSEWHERE = {
    "darwin": ((*DIRECTORIES, "/opt/homebrew/bin", "/Applications/Docker.app/Contents/Resources/bin"), ()),
    "win32": (
        ("C:/Windows/System32", "C:/Program Files/Docker/Docker/resources/bin", "C:/Program Files/Docker/Docker"),
        ("SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    ),
}
RUN = 10.0  # seconds for a test program; QEMU needs a hundredth of a second
AGENT = "SSH_AUTH_SOCK"
# Docker's variable for logins. Only programs that read it get the secrets. buildx is started as docker.
LOGIN = "DOCKER_AUTH_CONFIG"
READ_IT = ("docker", "docker-credential-")  # a name, and the beginning of the credential helpers' names
SESSION = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_HOME", "DOCKER_CONFIG", "BUILDX_CONFIG")


class Calling(Looking):
    """Run programs on a host, and send requests to its engines."""

    def __init__(self, root: str = "/", environ: Mapping[str, str] | None = None, machine: str | None = None) -> None:
        super().__init__(root, environ, machine)
        self.listener: Callable[[str], None] | None = None  # gets what running programs and the engine say
        self._expected: dict[tuple[str, str, str], Any] = {}
        self._begun: dict[tuple[bytes, bool], probes.Begun] = {}
        self._answers: dict[tuple[tuple[str, ...], str, str], Ran] | None = None
        self._plugins: dict[str, str] = {}  # by user: the buildx that docker starts, or nothing

    def program(self, name: str) -> str | None:
        """Return the path of a program on the host, or None if no trusted folder contains it."""
        files = (name, f"{name}.exe") if self.platform == "win32" else (name,)
        candidates = files if ":/" in name or name[:1] == "/" else [f"{d}/{n}" for d in self._folders() for n in files]
        return next((self.path(c) for c in candidates if _executable(self.path(c))), None)

    def ask(self, *argv: str, text: str = "", timeout: int = 20, user: str = "") -> Ran:
        """Run a program that changes nothing, with ``text`` on its stdin."""
        question = (argv, text, user)
        if self._answers is not None and question in self._answers:
            return self._answers[question]
        try:
            ran = self._spawn(argv, text, timeout, user)
        except CommandError as e:
            ran = Ran(None, "", e.message)
        if self._answers is not None:
            self._answers[question] = ran
        return ran

    def launch(self, *argv: str, patience: int) -> Ran:
        """Start a program that is meant to stay. Unlike ``ask``, this does not end it after ``patience`` seconds."""
        from provisioner.host import programs  # subprocess costs 10 ms

        try:
            return programs.launch(argv, self._found(argv[0]), self._scrubbed(None), patience)
        except CommandError as e:
            return Ran(None, "", e.message)

    def end_programs(self) -> None:
        """End what still runs after an interruption, so that it changes nothing while the run is undone."""
        from provisioner.host import programs

        programs.end_all()

    def keep_answers(self) -> None:
        """From now on, ask no program the same question twice. Only for a run that changes nothing."""
        self._answers = {}

    def runs(self, programs: Sequence[bytes], *, bare: bool = False, patience: float = RUN) -> list[Ran]:
        """Run static ELF test programs from memory, in parallel, with nothing on their stdin.

        ``bare`` (root only) runs them in a root directory without files, as in a container built from scratch.
        """
        self.begin(programs, bare=bare)
        deadline = time.monotonic() + patience
        begun = [self._begun.pop((program, bare)) for program in programs]
        inodes = [probes.release(one, deadline) for one in begun]  # now all of them exit at the same time
        return [probes.finish(one, deadline, inode) for one, inode in zip(begun, inodes, strict=True)]

    def begin(self, programs: Iterable[bytes], *, bare: bool = False) -> None:
        """Start test programs early. The emulators run while Python imports modules. ``runs`` waits for them."""
        for program in (p for p in programs if (p, bare) not in self._begun):
            self._begun[program, bare] = probes.start(program, bare=bare)

    def run(self, argv: tuple[str, ...], timeout: int, text: str = "", user: str = "") -> str:
        """Run a program that changes the host, as ``user``.

        Returns: its stdout.
        Raises: CommandError, with the program's error output, if it fails.
        """
        with self.meanwhile(argv, timeout, text, user) as wait:
            return wait()

    @contextlib.contextmanager
    def meanwhile(
        self, argv: tuple[str, ...], timeout: int, text: str = "", user: str = ""
    ) -> Iterator[Callable[[], str]]:
        """Run a program that changes the host while a block runs.

        The block gets a function that waits for the program, and returns and raises what ``run`` does. If the block
        ends without calling it, the program is killed. ``timeout`` counts from the start.
        """
        with self._started(argv, timeout, user, tied=True) as wait:
            yield lambda: _succeeded(argv, wait(text))

    def request(self, socket: str, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
        """Send one request to the engine at a Unix socket.

        Returns: the status and the body of the answer.
        Raises: NoEngineError, DeniedError.
        """
        sent = self._expected.pop((socket, method, path), None)
        if sent is None:
            sent = wire.send(socket, lambda: self._connected(socket), method, path, body, kind)
        return wire.receive(socket, sent, heard=self.listener)

    def expect(self, socket: str, path: str, method: str = "GET") -> None:
        """Send a request without a body early, and do something else while the engine works on it.

        ``get``, ``request`` or ``post`` reads the answer, and reports an error. By SSH, each request has a connection
        of its own, of which a server accepts few at once. There it is sent when it is read.
        """
        if socket.startswith("ssh://"):
            return
        with contextlib.suppress(NoEngineError, DeniedError):
            self._expected[socket, method, path] = wire.send(socket, lambda: self._connected(socket), method, path)

    def get(self, socket: str, path: str) -> Any:
        """Return the JSON of a GET from the engine at a Unix socket, or None if the engine answers "not found".

        Any user may listen on the socket, so the whole answer is limited in time and size.
        """
        sent = self._expected.pop((socket, "GET", path), None)
        if sent is None:
            sent = wire.send(socket, lambda: self._connected(socket), "GET", path)
        return self._answer(socket, path, sent)

    def distribution(self, socket: str, image: str, login: str = "") -> Any:
        """Return what the engine learns about an image from a registry, or None if no registry has it.

        ``login`` is the value of X-Registry-Auth.
        """
        path = f"/distribution/{image}/json"
        if not login:
            return self.get(socket, path)
        return self._answer(socket, path, wire.send(socket, lambda: self._connected(socket), "GET", path, login=login))

    def _answer(self, socket: str, path: str, sent: wire.Wire) -> Any:
        status, body = wire.receive(socket, sent, self._patience(socket), wire.JSON)
        if status == 404:
            return None
        if status >= 400:
            raise wire.refused(socket, path, status, body)
        return wire.content(socket, path, body)

    def _patience(self, socket: str) -> float:
        """Return the seconds to wait for an answer about an engine.

        The wait is shorter for another user's socket, because that user may try to stall us.
        """
        there = None if "://" in socket else self.status(socket)
        return wire.ANSWER if there is None or there.uid in (0, self.uid) else wire.STRANGER

    def download(self, socket: str, path: str) -> bytes | None:
        """Return the bytes of a GET from the engine at a Unix socket, or None if the engine answers "not found"."""
        status, body = self.request(socket, "GET", path)
        return body if status < 400 else None

    def post(self, socket: str, path: str, body: Any = None, *, method: str = "POST", kind: str = "") -> Any:
        """Send a request that changes something, and return the answer: JSON if it is valid JSON, otherwise text."""
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

    def create_container(self, socket: str, spec: Mapping[str, Any], platform: str = "") -> str:
        """Create a container, and return its ID.

        Raises: CommandError if the engine refuses, NoEngineError if the answer is not an engine's.
        """
        from urllib.parse import quote  # slow, and a check never gets here

        path = "/containers/create" + (f"?platform={quote(platform, safe='')}" if platform else "")
        found = self.post(socket, path, spec)
        identity = found.get("Id") if isinstance(found, dict) else None
        if not isinstance(identity, str) or not identity:
            raise wire.foreign(socket, f"gives for POST {path} what no Docker engine says: it lacks Id")
        return identity

    def pour(self, socket: str, path: str, argv: tuple[str, ...], moved: Callable[[int], None]) -> str:
        """Pipe the engine's answer to a GET into a program, and return the program's output.

        ``moved`` is called with the number of bytes transferred so far.
        """
        from provisioner.host import pipes  # only a migration needs it

        program = self._found(argv[0])
        return pipes.pour(
            wire.send(socket, lambda: self._connected(socket), "GET", path), argv, program, self._scrubbed(None), moved
        )

    def fetch(
        self,
        url: str,
        method: str,
        headers: Mapping[str, str],
        trusted: Sequence[str] = (),
        *,
        insecure: bool = False,
        proxy: str = "",
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request to a registry.

        ``trusted`` lists certificate files that count in addition to the host's own. ``insecure`` accepts any
        certificate. ``proxy`` is the URL of a proxy to go through.

        Returns: the status, the header fields with names in lower case, and the body.
        Raises: ProvisionerError if no registry answers.
        """
        from provisioner.host import web  # http.client costs a check 29 ms

        return web.fetch(url, method, headers, [self.path(file) for file in trusted], insecure=insecure, proxy=proxy)

    def ask_cluster(self, access: ClusterAccess, path: str) -> Any:
        """Return the JSON of an object or list of a cluster, or None if it does not exist.

        Raises: ClusterError.
        """
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
        """Send one request to a cluster's API server.

        Returns: the status, and the body as JSON or text.
        Raises: ClusterError.
        """
        import json

        from provisioner.host import cluster  # it imports http.client and ssl

        data = b"" if body is None else json.dumps(body).encode()
        status, answer = cluster.exchange(access, method, path, data, kind if data else "")
        text = answer.decode(errors="replace").strip()
        try:
            return status, json.loads(text)
        except (ValueError, RecursionError):
            return status, text

    def _spawn(self, argv: tuple[str, ...], text: str, timeout: int, user: str = "") -> Ran:
        with self._started(argv, timeout, user) as wait:
            return wait(text)

    @contextlib.contextmanager
    def _started(
        self, argv: tuple[str, ...], timeout: int, user: str, *, tied: bool = False
    ) -> Iterator[Callable[[str], Ran]]:
        from provisioner.host import plugins, programs  # subprocess costs 10 ms, which a check in sync saves

        program, account = self._found(argv[0]), self._other(user)
        heard = self.listener if tied else None  # a program that only looks is not worth telling of
        environment = self._scrubbed(account) | self._logins(argv[0], account)
        if plugins.meant(argv) and (plugin := self._buildx(program, user)):
            program, environment = plugin, {**environment, plugins.ORIGINAL: program}
        with programs.meanwhile(argv, program, environment, timeout, account, heard, tied=tied) as wait:
            yield wait

    def _buildx(self, docker: str, user: str) -> str:
        """Return the program that docker starts for a user who asks for buildx. Empty if docker does more than that."""
        from provisioner.host import plugins

        if self.platform != "linux" or not plugins.itself(docker):
            return ""
        whose = user or "root"
        if whose not in self._plugins:
            self._plugins[whose] = plugins.path(self.ask("docker", *plugins.LISTED, user=user).stdout)
        found = self._plugins[whose]
        return found if _executable(found) else ""  # an upgrade may have moved it

    def _found(self, name: str) -> str:
        """Return the path of a program on the host.

        Raises: CommandError if it does not exist.
        """
        program = self.program(name)
        if program is None:
            raise CommandError(f"{name}: no such program on this host", hint="install it, or check its permissions")
        return program

    def _scrubbed(self, account: Account | None) -> dict[str, str]:
        """Return the complete environment for a program of the host."""
        home = account.home if account else identity.home(self.uid)
        clean = {"PATH": os.pathsep.join(map(self.path, self._folders())), "LC_ALL": "C.UTF-8", "HOME": home}
        if self.uid != 0:  # root must not use another user's session or rights
            needed = (*SESSION, *ELSEWHERE.get(self.platform, ((), ()))[1])
            clean |= {name: self.environ[name] for name in needed if name in self.environ}
            if self.platform == "linux":  # cron and sudo remove it, but systemctl --user needs it
                clean.setdefault("XDG_RUNTIME_DIR", f"/run/user/{self.uid}")
        if self.endpoint.startswith("ssh://") and AGENT in self.environ:
            clean[AGENT] = self.environ[AGENT]
        return clean | (_leading(self.endpoint) if self.endpoint else {})

    def _logins(self, program: str, account: Account | None) -> dict[str, str]:
        """Return the variable with the current user's logins, for a program that reads it.

        A program that runs as another user never gets it.
        """
        docker, helpers = READ_IT
        meant = account is None and (program == docker or program.startswith(helpers))
        return {LOGIN: self.environ[LOGIN]} if meant and LOGIN in self.environ else {}

    def _connected(self, socket: str) -> wire.Wire:
        """Connect to an engine, on this host or at a remote address.

        Raises: OSError.
        """
        if "://" not in socket:
            return wire.connected(self.path(socket))
        from provisioner.host import remote

        ssh = self._found("ssh") if socket.startswith("ssh://") else ""
        return remote.connect(socket, ssh, self.at(socket)._scrubbed(None))

    def _folders(self) -> tuple[str, ...]:
        """Return the folders to search for programs."""
        return ELSEWHERE[self.platform][0] if self.platform in ELSEWHERE else DIRECTORIES


def _executable(at: str) -> bool:
    """Return whether this user may execute a file. False if no file can have the name."""
    try:
        return os.access(at, os.X_OK)
    except ValueError:
        return False


def _succeeded(argv: tuple[str, ...], ran: Ran) -> str:
    """Return a program's stdout.

    Raises: CommandError if it failed.
    """
    if ran.status != 0:
        said = " / ".join(line.strip() for line in ran.error.splitlines()[-3:]) or "it said nothing"
        hint = "run that command by hand to see all that it says"
        words = " ".join(map(secrets.word, argv))
        raise CommandError(f"`{words}` failed with status {ran.status}: {said}", hint=hint, said=said)
    return ran.stdout


def _leading(endpoint: str) -> dict[str, str]:
    """Return the variables that point docker at an engine, with the certificates that TLS needs."""
    address, tls, rest = endpoint.partition("?tls=")
    folder, _, verify = rest.rpartition("&verify=")
    secured = {"DOCKER_CERT_PATH": folder, **({"DOCKER_TLS_VERIFY": "1"} if verify == "1" else {"DOCKER_TLS": "1"})}
    return {"DOCKER_HOST": address, **(secured if tls else {})}
