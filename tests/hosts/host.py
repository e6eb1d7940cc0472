"""A real Docker host: a Debian system with its own systemd and an engine, booted in about a second."""

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
    "--private-users=identity",  # UID 0 stays 0, but the host gets its own table of emulators (Linux 6.7)
    "--capability=all", "--system-call-filter=add_key keyctl bpf",
    "--link-journal=no", "--resolv-conf=off", "--timezone=off",
)  # fmt: skip
NSPAWN_ENVIRONMENT = {
    "PATH": command.PATH,
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
}
POWER_OFF = signal.SIGRTMIN + 4  # the signal that tells systemd, as PID 1, to power off

# $0 is the path, $1 its mode.
PUT = 'mkdir -p "$(dirname "$0")" && cat > "$0" && chmod "$1" "$0"'
GET = '[ -e "$0" ] || exit 3; exec cat "$0"'
ABSENT = 3

LONG = 120.0  # seconds; a machine without other load needs one or two
SYNC = 10  # seconds for journald to store the messages that it received


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a command: its exit status (128 + signal if killed) and its output."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


class Host:
    """A host in its own room. It is off until boot(), and close() removes it completely."""

    PATIENCE = 240.0  # seconds for a run of the agent

    def __init__(self, name: str, lowers: tuple[Path, ...], init: str = "") -> None:
        """Make a host that is off.

        ``init`` is a shell script on the host that runs as the first process instead of systemd and starts docker.
        """
        self.name = name
        self._init = init
        self._room = Room(name, lowers)
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader: int | None = None
        self.put("/etc/machine-id", f"{uuid.uuid4().hex}\n")

    # Power

    def boot(self, timeout: float = LONG) -> None:
        """Switch the host on and wait until systemd has started everything.

        A unit that fails does not raise an error; see ``state``.
        """
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
        """Power the host off cleanly."""
        os.kill(self.leader, POWER_OFF)
        self._await("its power-off", self._ended, time.monotonic() + timeout)

    def cut(self) -> None:
        """Cut the power, so that no process of the host runs another instruction.

        All processes are frozen before they are killed. Otherwise the last ones could see the others die and react.
        cgroup.kill is not used, because it also kills what the next boot starts in a remaining cgroup (Linux 6.18).
        """
        payload = self._room.guest / "payload"
        until = time.monotonic() + DEADLINE
        (payload / "cgroup.freeze").write_text("1")
        self._await("it to freeze", lambda: "frozen 1" in (payload / "cgroup.events").read_text(), until)
        for group in payload.rglob("cgroup.procs"):
            for process in group.read_text().split():
                with contextlib.suppress(ProcessLookupError):  # it ended together with its container
                    os.kill(int(process), signal.SIGKILL)
        (payload / "cgroup.freeze").write_text("0")
        self._await("the end of its processes", self._ended, until)

    def reboot(self) -> None:
        """Power off cleanly, then boot."""
        self.shutdown()
        self.boot()

    def close(self) -> None:
        """Remove the host and everything that it wrote, even if it is running."""
        self._room.close()
        if self._nspawn:
            self._nspawn.wait(timeout=DEADLINE)
        self._nspawn = self._leader = None

    @property
    def room(self) -> str:
        """The name of the host's folder and cgroup on this machine. Unique among existing hosts."""
        return self._room.folder.name

    @property
    def leader(self) -> int:
        """The host's first process, by its PID on this machine. Network devices are moved in by this PID."""
        if self._leader is None:
            raise HostError(f"{self.name}: the host is switched off")
        return self._leader

    @property
    def state(self) -> str:
        """The output of ``systemctl is-system-running``, such as running or degraded. Without power: off."""
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
        """Run a command on the host, without the caller's environment.

        Raises:
            HostError: it took longer than ``timeout`` seconds or, with ``check``, its status is not 0.
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
        """Run a shell script on the host. ``args`` are $1 and the following arguments."""
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
        """Start a command on the host without waiting. None for a stream means that it inherits the caller's."""
        return command.start(command.entrance(self.leader), argv, user, env, stdin, output)

    def outside(self, *argv: str) -> Result:
        """Run a program of this machine while the host is off. ``{}`` in ``argv`` stands for the host's root folder."""
        words = tuple(word.replace("{}", str(self._room.root)) for word in argv)
        status, *output = command.run(self._room.inside(), words, b"", "root", None, LONG)
        stdout, stderr = (part.decode(errors="replace") for part in output)
        return Result(words, status, stdout, stderr)

    def wait(self, what: str, until: Callable[[], bool], timeout: float = LONG) -> None:
        """Wait until a condition holds.

        Raises:
            HostError: it did not hold in time. The message names ``what`` and shows the end of the journal.
        """
        self._await(what, until, time.monotonic() + timeout)

    def journal(self, unit: str = "", lines: int = 1000) -> str:
        """Return the end of the journal, of one unit or of all. Without power, only what reached the disk."""
        if self._leader is not None:  # the last messages of a unit may still be in transit
            self._anyhow("timeout", str(SYNC), "journalctl", "--sync")
        chosen = (f"--unit={unit}",) if unit else ()
        argv = ("journalctl", "--no-pager", "--quiet", "--output=short-monotonic", f"--lines={lines}")
        return self._anyhow(*argv, *chosen)[1].decode(errors="replace")

    # Files, with power or without

    def put(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Write a file, and create missing parent folders."""
        data = content.encode() if isinstance(content, str) else content
        status, _, complaint = self._anyhow("sh", "-c", PUT, path, f"{mode:o}", data=data)
        if status:
            raise HostError(f"{self.name}: {path} could not be written: {complaint.decode().strip()}")

    def get(self, path: str) -> bytes | None:
        """Read a file. Returns None if it does not exist."""
        status, content, complaint = self._anyhow("sh", "-c", GET, path)
        if status not in (0, ABSENT):
            raise HostError(f"{self.name}: {path} could not be read: {complaint.decode().strip()}")
        return None if status == ABSENT else content

    def mask(self, *units: str) -> None:
        """Mask units, so that nothing starts them until ``systemctl unmask``."""
        status, _, complaint = self._anyhow("systemctl", "mask", *units)
        if status:
            raise HostError(f"{self.name}: {complaint.decode().strip()}")

    def path(self, path: str) -> Path:
        """Return a file's path on this machine. Only for reading: an absolute link below it leads out of the host."""
        root = self._room.view if self._leader is None else Path(f"/proc/{self._leader}/root")
        return root / path.lstrip("/")

    # How

    @property
    def _console(self) -> Path:
        return self._room.folder / "console"

    def _anyhow(self, *argv: str, data: bytes = b"") -> tuple[int, bytes, bytes]:
        """Run a command on the host. Without power, run it in the host's root folder only."""
        off = self._leader is None
        into = self._room.inside("/usr/sbin/chroot", str(self._room.root)) if off else command.entrance(self.leader)
        return command.run(into, argv, data, "root", None, LONG)

    def _find_leader(self) -> bool:
        """Find the process to enter: nspawn's child that is PID 1 of its own namespace and already runs systemd."""
        assert self._nspawn
        nspawn = Path(f"/proc/{self._nspawn.pid}")
        if self._nspawn.poll() is not None:  # the console says why it ended
            return False
        for child in (nspawn / "task" / nspawn.name / "children").read_text().split():
            with contextlib.suppress(OSError, KeyError):  # a helper of nspawn that has ended
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
        """Return what a person would look at first."""
        return f"{self._console.read_text(errors='replace')}{self.journal(lines=30)}"
