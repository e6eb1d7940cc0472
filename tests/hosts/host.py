"""A real Docker host: a Debian with an engine under a systemd of its own, booted in about a second."""

import contextlib
import os
import shlex
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.hosts import command
from tests.hosts.errors import HostError
from tests.hosts.room import DEADLINE, Room

NSPAWN = (
    "/usr/bin/systemd-nspawn", "--quiet",
    "--register=no", "--keep-unit",
    "--console=pipe",
    "--private-network",
    "--private-users=identity",  # root stays 0, yet the host has a table of emulators of its own (Linux 6.7)
    "--capability=all", "--system-call-filter=add_key keyctl bpf",
    "--link-journal=no", "--resolv-conf=off", "--timezone=off",
)  # fmt: skip
NSPAWN_ENVIRONMENT = {
    "PATH": command.PATH,
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
}
POWER_OFF = signal.SIGRTMIN + 4  # what a systemd that is PID 1 takes as an order

# $0 is the path, $1 its mode.
PUT = 'mkdir -p "$(dirname "$0")" && cat > "$0" && chmod "$1" "$0"'
GET = '[ -e "$0" ] || exit 3; exec cat "$0"'
ABSENT = 3

LONG = 120.0  # seconds for what a machine does in one or two that has nothing else to do
SYNC = 10  # seconds that journald has to take in what was sent to it


@dataclass(frozen=True, slots=True)
class Result:
    """What a command left: its exit status (128 + signal when killed) and its output."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


class Host:
    """A host in a room of its own; off until boot(), thrown away whole by close()."""

    PATIENCE = 240.0  # seconds for a run of the agent

    def __init__(self, name: str, lowers: tuple[Path, ...], init: str = "") -> None:
        """``init``: a shell script of the host's that is its first process in systemd's place, and starts docker."""
        self.name = name
        self._init = init
        self._room = Room(name, lowers)
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader: int | None = None
        self.put("/etc/machine-id", f"{uuid.uuid4().hex}\n")

    # Power

    def boot(self, timeout: float = LONG) -> None:
        """Switch it on and wait until systemd has started everything. A unit that fails is no error: see ``state``."""
        first = ("/bin/sh", self._init) if self._init else ("--boot",)
        argv = self._room.inside(*NSPAWN, f"--directory={self._room.root}", f"--machine={self.name}", *first)
        with self._console.open("ab") as console:
            self._nspawn = subprocess.Popen(
                argv,
                env=NSPAWN_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        until = time.monotonic() + timeout
        self._await("its first process", self._find_leader, until)
        self._await("the end of its boot", lambda: self.state in ("running", "degraded"), until)

    def shutdown(self, timeout: float = LONG) -> None:
        """Power off in good order."""
        os.kill(self.leader, POWER_OFF)
        self._await("its power-off", self._ended, time.monotonic() + timeout)

    def cut(self) -> None:
        """Cut the power: nothing of it gets another instruction.

        All is frozen before it is killed, for what dies last could see the others die, and act on it.
        Not by cgroup.kill: what the next boot then starts in a cgroup that is still there is killed, too (Linux 6.18).
        """
        payload = self._room.guest / "payload"
        until = time.monotonic() + DEADLINE
        (payload / "cgroup.freeze").write_text("1")
        self._await("it to freeze", lambda: "frozen 1" in (payload / "cgroup.events").read_text(), until)
        for group in payload.rglob("cgroup.procs"):
            for process in group.read_text().split():
                with contextlib.suppress(ProcessLookupError):  # a container's first process took it along
                    os.kill(int(process), signal.SIGKILL)
        (payload / "cgroup.freeze").write_text("0")
        self._await("the end of its processes", self._ended, until)

    def reboot(self) -> None:
        """Power off in good order, and boot."""
        self.shutdown()
        self.boot()

    def close(self) -> None:
        """Throw it away with all that it wrote, running or not."""
        self._room.close()
        if self._nspawn:
            self._nspawn.wait(timeout=DEADLINE)
        self._nspawn = self._leader = None

    @property
    def room(self) -> str:
        """The name of its folder and its cgroup on the machine; no two hosts have the same at the same time."""
        return self._room.folder.name

    @property
    def leader(self) -> int:
        """Its first process as the machine numbers it; a network device is moved in by this number."""
        if self._leader is None:
            raise HostError(f"{self.name}: the host is switched off")
        return self._leader

    @property
    def state(self) -> str:
        """What ``systemctl is-system-running`` says: running, degraded, starting …; off without power."""
        if self._leader is None:
            return "off"
        if self._init:
            return "running" if self.run("docker", "info").status == 0 else "starting"
        return self.run("systemctl", "is-system-running").stdout.strip()

    # Commands

    def run(
        self,
        *argv: str,
        input: str | bytes = b"",  # noqa: A002  # subprocess.run's own word
        user: str = "root",
        env: Mapping[str, str] | None = None,
        timeout: float = LONG,
        check: bool = False,
    ) -> Result:
        """Run a command on the host, with nothing of the caller's environment.

        Raises HostError when ``timeout`` seconds were not enough and, with ``check``, when its status is not 0.
        """
        data = input.encode() if isinstance(input, str) else input
        status, *output = command.run(command.entrance(self.leader), argv, data, user, env, timeout)
        stdout, stderr = (part.decode(errors="replace") for part in output)
        if check and status:
            raise HostError(f"{self.name}: {shlex.join(argv)}: ended with status {status}\n{stdout}{stderr}")
        return Result(argv, status, stdout, stderr)

    def sh(
        self,
        script: str,
        *args: str,
        input: str | bytes = b"",  # noqa: A002
        user: str = "root",
        env: Mapping[str, str] | None = None,
        timeout: float = LONG,
        check: bool = False,
    ) -> Result:
        """Run a shell script on the host; ``args`` are its $1 and so on."""
        argv = ("sh", "-c", script, "sh", *args)
        return self.run(*argv, input=input, user=user, env=env, timeout=timeout, check=check)

    def start(
        self,
        *argv: str,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        output: int | None = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Start a command on the host and leave the rest to the caller; None hands down what the caller has."""
        return command.start(command.entrance(self.leader), argv, user, env, stdin, output)

    def outside(self, *argv: str) -> Result:
        """Run a program of the machine's while the host is off; ``{}`` in ``argv`` stands for its root folder."""
        words = tuple(word.replace("{}", str(self._room.root)) for word in argv)
        status, *output = command.run(self._room.inside(), words, b"", "root", None, LONG)
        stdout, stderr = (part.decode(errors="replace") for part in output)
        return Result(words, status, stdout, stderr)

    def wait(self, what: str, until: Callable[[], bool], timeout: float = LONG) -> None:
        """Wait until something holds; else HostError names ``what`` did not come, and shows the journal's end."""
        self._await(what, until, time.monotonic() + timeout)

    def journal(self, unit: str = "", lines: int = 1000) -> str:
        """The end of its journal, of one unit or of all; without power, what had reached the disk."""
        if self._leader is not None:  # what a unit said last may be on its way still
            self._anyhow("timeout", str(SYNC), "journalctl", "--sync")
        chosen = (f"--unit={unit}",) if unit else ()
        argv = ("journalctl", "--no-pager", "--quiet", "--output=short-monotonic", f"--lines={lines}")
        return self._anyhow(*argv, *chosen)[1].decode(errors="replace")

    # Files, with power or without

    def put(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Write a file, and the folders above it where these are missing."""
        data = content.encode() if isinstance(content, str) else content
        status, _, complaint = self._anyhow("sh", "-c", PUT, path, f"{mode:o}", data=data)
        if status:
            raise HostError(f"{self.name}: {path} could not be written: {complaint.decode().strip()}")

    def get(self, path: str) -> bytes | None:
        """Read a file; None where there is none."""
        status, content, complaint = self._anyhow("sh", "-c", GET, path)
        if status not in (0, ABSENT):
            raise HostError(f"{self.name}: {path} could not be read: {complaint.decode().strip()}")
        return None if status == ABSENT else content

    def mask(self, *units: str) -> None:
        """Keep units from being started, by anyone, until ``systemctl unmask``."""
        status, _, complaint = self._anyhow("systemctl", "mask", *units)
        if status:
            raise HostError(f"{self.name}: {complaint.decode().strip()}")

    def path(self, path: str) -> Path:
        """A file of the host as the machine sees it. To look at: an absolute link below it leads out of the host."""
        root = self._room.view if self._leader is None else Path(f"/proc/{self._leader}/root")
        return root / path.lstrip("/")

    # How

    @property
    def _console(self) -> Path:
        return self._room.folder / "console"

    def _anyhow(self, *argv: str, data: bytes = b"") -> tuple[int, bytes, bytes]:
        """Run a command on the host or, without power, in its root folder and nothing else of it."""
        off = self._leader is None
        into = self._room.inside("/usr/sbin/chroot", str(self._room.root)) if off else command.entrance(self.leader)
        return command.run(into, argv, data, "root", None, LONG)

    def _find_leader(self) -> bool:
        """The process to enter is nspawn's child that is PID 1 of a namespace of its own, and systemd by now."""
        assert self._nspawn
        nspawn = Path(f"/proc/{self._nspawn.pid}")
        if self._nspawn.poll() is not None:  # it says why on the console
            return False
        for child in (nspawn / "task" / nspawn.name / "children").read_text().split():
            with contextlib.suppress(OSError, KeyError):  # a helper of nspawn's that has ended
                lines = Path(f"/proc/{child}/status").read_text().splitlines()
                fields = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
                if fields["Name"] == ["sh" if self._init else "systemd"] and fields["NSpid"][1:] == ["1"]:
                    self._leader = int(child)
        return self._leader is not None

    def _ended(self) -> bool:
        assert self._nspawn
        if self._nspawn.poll() is None:
            return False
        self._leader = None
        return True

    def _await(self, what: str, until: Callable[[], bool], deadline: float) -> None:
        while True:
            down = self._nspawn is not None and self._nspawn.poll() is not None
            if until():
                return
            if down or time.monotonic() > deadline:
                self._leader = None if down else self._leader
                raise HostError(f"{self.name}: waited in vain for {what}\n{self._evidence()}")
            time.sleep(0.02)

    def _evidence(self) -> str:
        """What a person would look at first."""
        return f"{self._console.read_text(errors='replace')}{self.journal(lines=30)}"
