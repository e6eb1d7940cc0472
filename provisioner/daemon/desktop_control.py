"""The steps that stop and start Docker Desktop.

Its own word about whether it runs is not to be had: ``status`` may say ``starting`` for ever, and ``start`` may hang
while the engine works. So both are bounded, and the sockets are asked.
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
AGAIN = 15  # seconds between two orders to start
ASK = 5  # seconds that a command of Desktop's has before it is left alone; what it has begun goes on


@dataclass(frozen=True, slots=True)
class Stop(Step):
    """Stop an engine whose configuration nobody may edit while it runs, and wait until nothing of it answers.

    CommandError: it does not stop.
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
    """Start it, and wait until it answers; what undoes it is to stop it. CommandError: it does not answer."""

    unit: str
    socket: str
    deadline: int = 300

    def do(self, system: "System", say: Say) -> None:
        said = _told(system, "start")
        deadline, again = system.clock() + self.deadline, system.clock() + AGAIN
        while not _answers(system, self.socket):
            if system.clock() > deadline:
                raise CommandError(f"Docker Desktop did not start within {self.deadline} s{said}", hint=_look(system))
            if system.clock() > again:  # what is told to one that is still stopping is lost
                said, again = _told(system, "start"), system.clock() + AGAIN
            system.pause(0.2)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return (Stop(self.unit, self.socket),)

    def sentence(self) -> str:
        return f"start {self.unit}, and wait until it answers"


def _told(system: "System", what: str) -> str:
    """Give an order; what was said to it, for when it comes to nothing. Its exit status proves nothing."""
    row = control(system)
    if row is None:
        raise CommandError(f"nothing here can {what} Docker Desktop", hint=GUI)
    ran = system.ask(*(row.stop if what == "stop" else row.start), timeout=ASK)
    lines = [line.strip() for line in (ran.error or ran.stdout).splitlines() if line.strip()]
    return f": {lines[-1]}" if lines and ran.status != 0 else ""


def _look(system: "System") -> str:
    """Where to look next. What ``status`` says is quoted, and never believed."""
    said = system.ask("docker", "desktop", "status", timeout=10).stdout.split()
    return f"look at Docker Desktop's own window; `docker desktop status` says: {' '.join(said) or 'nothing'}"


def _runs(system: "System", socket: str) -> bool:
    """Whether anything of Desktop's answers. Its engine may be paused while the backend writes settings."""
    backends = [places.expanded(system, path) for path in BACKENDS]
    return any(_pings(system, s, path) for s, path in [(socket, "/_ping"), *((b, "/ping") for b in backends)])


def _pings(system: "System", socket: str, path: str) -> bool:
    try:
        system.request(socket, "GET", path)
    except NoEngineError:
        return False
    return True


def _answers(system: "System", socket: str) -> bool:
    """Whether the engine has come up: a socket may be there, and answer, long before."""
    try:
        info = system.get(socket, "/info")
    except (ProvisionerError, ValueError):
        return False
    return isinstance(info, dict) and bool(info.get("ServerVersion"))
