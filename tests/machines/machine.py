"""A virtual machine with the same interface for tests as a host."""

import base64
import contextlib
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.hosts import command, room
from tests.hosts.errors import HostError
from tests.hosts.host import ABSENT, GET, PUT, Result
from tests.machines import qemu
from tests.machines.channel import Channel, Running
from tests.machines.monitor import Monitor
from tests.machines.recipes import Recipe
from tests.machines.volatile import Disk

LONG = 600.0  # seconds for something that a busy machine without KVM does in a minute
BOOTED = ("running", "degraded")


class Machine:
    """A machine. It is off until boot() or resume(). close() deletes all of it."""

    PATIENCE = 1200.0  # seconds for a run of the agent

    def __init__(self, name: str, recipe: Recipe, kernel: Path) -> None:
        self.name = name
        self.recipe = recipe
        self._kernel = kernel
        self.disks: tuple[str, ...] = ()  # QEMU's block devices; set before the first boot
        self.volatile: Disk | None = None  # the first disk, if it loses what was not flushed
        self.tap = ""  # the name of its network device on this computer; set before the first boot
        self._qemu: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._monitor: Monitor | None = None
        self.folder, self._lock = room.reserve(f"machine-{name}")

    # Power

    def boot(self, timeout: float = LONG) -> None:
        """Switch it on and wait until systemd has started everything. A failed unit is not an error: see ``state``."""
        self._start()
        waiting = ("systemctl", "is-system-running", "--wait")
        self.wait("the end of its boot", lambda: self.run(*waiting).stdout.strip() in BOOTED, timeout)

    def resume(self, saved: Path) -> None:
        """Switch it on in its saved state, with today's time."""
        self._start("-incoming", f"exec:cat {shlex.quote(str(saved))}")
        self.wait("its memory", lambda: self.ask("query-status")["status"] != "inmigrate", LONG)
        self.ask("cont")
        self.run("date", "--set", f"@{time.time():.0f}", check=True)

    def save(self, into: Path) -> None:
        """Write its memory to a file for resume(), and switch it off. Its disks keep their content of that moment."""
        self.run("sync", check=True)
        self.ask("stop")
        self.ask("migrate", uri=f"exec:cat > {shlex.quote(str(into))}")
        while (status := self.ask("query-migrate")["status"]) != "completed":
            if status in ("failed", "cancelled"):
                raise HostError(f"{self.name}: could not be saved")
            time.sleep(0.1)
        self.ask("quit")
        self._ended(LONG)

    def shutdown(self, timeout: float = LONG) -> None:
        """Shut it down cleanly."""
        self.start("systemctl", "poweroff")
        self._ended(timeout)

    def cut(self) -> None:
        """Cut the power. It executes no further instruction, and its memory is lost."""
        assert self._qemu
        self._qemu.kill()
        self._ended(LONG)
        if self.volatile:
            self.volatile.lose()

    def reboot(self) -> None:
        """Shut it down cleanly and boot it."""
        self.shutdown()
        self.boot()

    def close(self) -> None:
        """Delete it with everything that it wrote, whether it runs or not."""
        if self._qemu:
            self.cut()
        if self.volatile:
            self.volatile.close()
        room.remove(self.folder)
        with contextlib.suppress(OSError):
            os.close(self._lock)

    @property
    def state(self) -> str:
        """The output of ``systemctl is-system-running`` (running, degraded and so on), or "off" without power."""
        if self._qemu is None:
            return "off"
        return self.run("systemctl", "is-system-running").stdout.strip()

    def ask(self, order: str, **arguments: object) -> dict[str, str]:
        """Send a command to QEMU's monitor and return its answer."""
        assert self._monitor
        found: dict[str, str] = self._monitor.ask(order, **arguments)
        return found

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
        """Run a command on the machine, without the caller's environment.

        Raises: HostError on a timeout after ``timeout`` seconds and, with ``check``, if the status is not 0.
        """
        running = self.start(*argv, input=input, user=user, env=env)
        try:
            stdout, stderr = (part.decode(errors="replace") for part in running.communicate(timeout))
        except subprocess.TimeoutExpired:
            running.send_signal(9)
            raise HostError(
                f"{self.name}: {shlex.join(argv)}: took longer than {timeout:.0f} s\n{self.console()}"
            ) from None
        status = running.returncode or 0
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
        """Run a shell script on the machine. ``args`` are $1 and so on."""
        argv = ("sh", "-c", script, "sh", *args)
        return self.run(*argv, input=input, user=user, env=env, timeout=timeout, check=check)

    def start(
        self,
        *argv: str,
        input: str | bytes = b"",  # noqa: A002
        user: str = "root",
        env: Mapping[str, str] | None = None,
    ) -> Running:
        """Start a command on the machine without waiting for its end."""
        if self._channel is None:
            raise HostError(f"{self.name}: the machine is switched off")
        if user != "root":
            argv = ("sh", "-c", command.AS_USER, user, *argv)
        data = input.encode() if isinstance(input, str) else input
        return self._channel.start(argv, {**command.ENVIRONMENT, **(env or {})}, data)

    def wait(self, what: str, until: Callable[[], bool], timeout: float = LONG) -> None:
        """Wait until ``until`` returns true.

        Raises: HostError, with ``what`` and the end of the console, on a timeout.
        """
        deadline = time.monotonic() + timeout
        while not until():
            if self._qemu is None or self._qemu.poll() is not None or time.monotonic() > deadline:
                raise HostError(f"{self.name}: waited in vain for {what}\n{self.console()}")
            time.sleep(0.5)

    def journal(self, unit: str = "", lines: int = 1000) -> str:
        """Return the end of its journal, of one unit or of all units."""
        self.run("timeout", "30", "journalctl", "--sync")
        chosen = (f"--unit={unit}",) if unit else ()
        argv = ("journalctl", "--no-pager", "--quiet", "--output=short-monotonic", f"--lines={lines}")
        return self.run(*argv, *chosen).stdout

    def console(self, lines: int = 30) -> str:
        """Return the end of the output of its kernel and systemd, from this boot and earlier ones."""
        path = self.folder / "console"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    # Files

    def put(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Write a file, and create missing parent folders."""
        self.run("sh", "-c", PUT, path, f"{mode:o}", input=content, check=True)

    def get(self, path: str) -> bytes | None:
        """Return the content of a file, or None if it does not exist."""
        found = self.run("sh", "-c", f"({GET}) | base64; exit $?", path)
        if found.status and found.status != ABSENT:
            raise HostError(f"{self.name}: {path} could not be read: {found.stderr.strip()}")
        there = self.run("test", "-e", path).status == 0
        return base64.b64decode(found.stdout) if there else None

    def unpack(self, layer: Path) -> None:
        """Unpack a layer on the machine."""
        packed = subprocess.run(("/bin/tar", "-C", layer, "-c", "."), capture_output=True, check=True).stdout
        self.run("tar", "-C", "/", "-x", "--no-overwrite-dir", input=packed, check=True)

    def mask(self, *units: str) -> None:
        """Prevent units from being started until ``systemctl unmask``."""
        self.run("systemctl", "mask", "--now", *units, check=True)

    # How

    def _start(self, *more: str) -> None:
        for name in ("channel", "monitor"):
            (self.folder / name).unlink(missing_ok=True)
        network = qemu.network(self.tap) if self.tap else ()
        argv = (*qemu.argv(self.recipe, self._kernel, self.folder, self.disks), *network, *more)
        with (self.folder / "qemu").open("ab") as log:
            self._qemu = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        try:
            self._monitor = Monitor(self.folder / "monitor", deadline)
            self._channel = Channel(self.folder / "channel", deadline)
        except HostError as problem:
            raise HostError(f"{problem}\n{(self.folder / 'qemu').read_text()}") from None

    def _ended(self, timeout: float) -> None:
        assert self._qemu
        try:
            self._qemu.wait(timeout)
        except subprocess.TimeoutExpired:
            raise HostError(f"{self.name}: waited in vain for its end\n{self.console()}") from None
        if self._channel:
            self._channel.close()
        if self._monitor:
            self._monitor.close()
        self._qemu = self._channel = self._monitor = None
