"""The steps that stop and start Docker Desktop.

Desktop does not report reliably whether it runs. ``status`` may say ``starting`` forever, and ``start`` may hang while
the engine works. We therefore limit the time of both commands and ask the sockets.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.daemon.desktop import GUI, control
from provisioner.engine import places
from provisioner.errors import CommandError, NoEngineError, ProvisionerError
from provisioner.model import Reader
from provisioner.steps import Say, Step

if TYPE_CHECKING:
    from provisioner.host import System

BACKENDS = ("{home}/.docker/desktop/backend.sock", "{home}/Library/Containers/com.docker.docker/Data/backend.sock")
AGAIN = 15  # seconds between two start commands
ASK = 5  # seconds to wait for one of Desktop's commands. A command that takes longer is ended, but not Desktop itself
SOON = 1  # seconds in which Desktop itself ends if it does not start


@dataclass(frozen=True, slots=True)
class Stop(Step):
    """Stop an engine whose configuration must not be edited while it runs, and wait until nothing of it answers.

    Raises: CommandError if the engine does not stop in time.
    """

    unit: str
    socket: str
    deadline: int = 120

    def do(self, system: "System", say: Say) -> None:
        said = _told(system, "stop")
        deadline = system.clock() + self.deadline
        while _runs(system, self.socket):
            if system.clock() > deadline:
                raise CommandError(f"Docker Desktop did not stop within {self.deadline} s{said}", hint=_look(system))
            system.pause(0.2)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return (Start(self.unit, self.socket),)

    def sentence(self) -> str:
        return f"stop {self.unit}"


@dataclass(frozen=True, slots=True)
class Start(Step):
    """Start the engine and wait until it answers. The inverse step stops it.

    Raises: CommandError if the engine does not answer in time.
    """

    unit: str
    socket: str
    deadline: int = 300

    def do(self, system: "System", say: Say) -> None:
        said = _told(system, "start")
        deadline, again = system.clock() + self.deadline, system.clock() + AGAIN
        while not _answers(system, self.socket):
            if system.clock() > deadline:
                raise CommandError(f"Docker Desktop did not start within {self.deadline} s{said}", hint=_look(system))
            if system.clock() > again:  # a Desktop that is still stopping ignores the command
                said, again = _told(system, "start"), system.clock() + AGAIN
            system.pause(0.2)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return (Stop(self.unit, self.socket),)

    def sentence(self) -> str:
        return f"start {self.unit}, and wait until it answers"


def _told(system: "System", what: str) -> str:
    """Run a command of Desktop's and return its last message if it failed. Its exit status proves nothing."""
    row = control(system)
    if row is None:
        raise CommandError(f"nothing here can {what} Docker Desktop", hint=GUI)
    if what == "start" and row.stays:
        ran = system.launch(*row.start, patience=SOON)
    else:
        ran = system.ask(*(row.stop if what == "stop" else row.start), timeout=ASK)
    lines = [line.strip() for line in (ran.error or ran.stdout).splitlines() if line.strip()]
    return f": {lines[-1]}" if lines and ran.status != 0 else ""


def _look(system: "System") -> str:
    """Return a hint where to look next. It quotes the output of ``status``, which we never trust."""
    said = system.ask("docker", "desktop", "status", timeout=10).stdout.split()
    return f"look at Docker Desktop's own window; `docker desktop status` says: {' '.join(said) or 'nothing'}"


def _runs(system: "System", socket: str) -> bool:
    """Whether any part of Desktop answers. Its engine may be paused while the backend writes settings."""
    backends = [places.expanded(system, path) for path in BACKENDS]
    return any(_pings(system, s, path) for s, path in [(socket, "/_ping"), *((b, "/ping") for b in backends)])


def _pings(system: "System", socket: str, path: str) -> bool:
    try:
        system.request(socket, "GET", path)
    except NoEngineError:
        return False
    return True


def _answers(system: "System", socket: str) -> bool:
    """Whether the engine is ready. Its socket may exist and answer long before that."""
    try:
        info = system.get(socket, "/info")
    except (ProvisionerError, ValueError):
        return False
    return isinstance(info, dict) and bool(info.get("ServerVersion"))
