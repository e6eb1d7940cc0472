"""The steps that restart the daemon, or make it reload its configuration without affecting containers."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.daemon import managers, patience, start_line
from provisioner.daemon.managers import BY_HAND, ROOT, Manager
from provisioner.daemon.patience import Patience
from provisioner.engine import kinds, places
from provisioner.engine.kinds import Layout
from provisioner.errors import CommandError, NoEngineError, ProvisionerError
from provisioner.steps import Say, Step

if TYPE_CHECKING:
    from provisioner.host import System

RELOADS = "%7B%22type%22%3A%5B%22daemon%22%5D%2C%22event%22%3A%5B%22reload%22%5D%7D"  # type=daemon, event=reload
LINES = 60  # of the daemon's journal, which are searched for why it did not start
_GAVE_UP = r"(?m)^(failed to start |unable to configure |panic:)|level=fatal"  # logged by the daemon, not a container
_FATAL = r"failed to start |unable to configure|level=fatal|Error starting|panic:"


@dataclass(frozen=True, slots=True)
class Restart(Step):
    """Restart the daemon once and wait until it answers. ``deadline`` is the minimum time in seconds.

    We use ``--no-block`` and our own deadline because the unit says TimeoutStartSec=0, so systemctl might wait forever.
    We use reset-failed because systemd counts starts, and would refuse the start that restores everything.

    Raises: CommandError that quotes the daemon's last message, if the daemon does not start.
    """

    unit: str
    socket: str
    deadline: int = 90
    flavour: str = "engine"

    def do(self, system: "System", say: Say) -> tuple[str, ...]:
        """Restart the daemon and return the names of the containers that did not come back."""
        layout = places.resolved(system, kinds.of(self.flavour).layout or ROOT)
        manager = managers.of(system, layout)
        if manager is None:
            raise CommandError("nobody runs this host's services, so the daemon cannot be restarted", hint=BY_HAND)
        was, up = _state(system, manager, layout)
        has = patience.of(system, manager, layout, self.socket, self.deadline)
        before = _running(system, self.socket) if up else set()
        if manager.control:
            system.ask(*manager.control, "reset-failed", self.unit, self.unit.removesuffix(".service") + ".socket")
        logged = system.size(manager.log)
        system.run(manager.restart, has.seconds)
        _wait(system, self, manager, layout, was, logged, has)
        missing = tuple(sorted(before - _settled(system, self.socket, before)))
        if missing:
            say(f"running before the restart and not after it: {', '.join(missing)}")
        return missing

    def sentence(self) -> str:
        return f"restart {self.unit}"


@dataclass(frozen=True, slots=True)
class Reload(Step):
    """Make the daemon reload its configuration and wait for its event. Containers are not affected.

    ``systemctl reload`` also succeeds for a broken file and then changes nothing. Only the daemon's event proves the
    reload.
    """

    unit: str
    socket: str
    deadline: int = 20
    flavour: str = "engine"

    def do(self, system: "System", say: Say) -> None:
        layout = places.resolved(system, kinds.of(self.flavour).layout or ROOT)
        manager = managers.of(system, layout)
        if manager is None or not manager.reload:
            raise CommandError("nobody runs this host's services, so the daemon cannot be told to reload", hint=BY_HAND)
        since = system.time()
        system.run(manager.reload, self.deadline)
        deadline = system.clock() + self.deadline
        while system.clock() < deadline:
            now = system.time()
            since = min(since, now)  # someone may have set the clock back
            window = f"since={since:.6f}&until={now:.6f}"
            if b'"reload"' in system.request(self.socket, "GET", f"/events?{window}&filters={RELOADS}")[1]:
                return
            system.pause(0.05)
        words = last_words(system, manager, self.unit)
        raise CommandError(f"{self.unit} did not reload within {self.deadline} s: {words}")

    def sentence(self) -> str:
        return f"reload {self.unit}"


def _wait(
    system: "System", step: Restart, manager: Manager, layout: Layout, was: str, logged: int, has: Patience
) -> None:
    """Wait for a new start of the daemon, other than ``was``. Its log had ``logged`` bytes before.

    A unit that still stops or starts has not failed, so we wait as long as its own limits allow.
    """
    began = system.clock()
    while True:
        now, up = _state(system, manager, layout)
        if (up is None and now != was) or (manager.log and re.search(_GAVE_UP, system.tail(manager.log, logged))):
            raise CommandError(f"{step.unit} did not start: {last_words(system, manager, step.unit)}")
        if up and now not in ("", was) and _answers(system, step.socket):
            return
        passed = system.clock() - began
        if passed > has.seconds and (passed > has.longest or not _moves(system, manager, layout)):
            words = last_words(system, manager, step.unit)
            raise CommandError(f"{step.unit} did not answer within {int(passed)} s: {words}")
        system.pause(0.05)


def _moves(system: "System", manager: Manager, layout: Layout) -> bool:
    """Whether the unit is stopping or starting."""
    if not manager.control:
        return False
    state = start_line.properties(system, layout, "ActiveState").get("ActiveState")
    return state in ("activating", "deactivating")


def _state(system: "System", manager: Manager, layout: Layout) -> tuple[str, bool | None]:
    """Return an ID of the daemon's present start, and whether it is up (None if its unit has failed).

    We ask only the unit, never the socket. systemd may hold the socket, and a request would then wait for the next
    daemon and start it.
    """
    if not manager.control:
        return (system.read(layout.pid) or "").strip(), True
    shown = start_line.properties(system, layout, "InvocationID", "ActiveState", "SubState")
    failed = shown.get("ActiveState") == "failed" or shown.get("SubState") == "auto-restart"
    return shown.get("InvocationID", ""), None if failed else shown.get("ActiveState") in ("active", "reloading")


def _running(system: "System", socket: str) -> set[str]:
    """Return the names of the running containers. The set is empty if the engine does not answer."""
    try:
        found = system.get(socket, "/containers/json") or ()
    except ProvisionerError:
        return set()
    return {str(c["Names"][0]).lstrip("/") for c in found if c.get("Names")}


def _settled(system: "System", socket: str, before: set[str]) -> set[str]:
    """Return the running containers, after a short wait for those that restart on their own."""
    now = _running(system, socket)
    for seconds in (0.2, 0.5, 1.0) if before - now else ():
        system.pause(seconds)
        now = _running(system, socket)
        if not before - now:
            break
    return now


def last_words(host: "System", manager: Manager, unit: str) -> str:
    """Return the daemon's own message about why it did not start."""
    lines = [line.strip() for line in _said(host, manager, unit).splitlines() if line.strip()]
    fatal = [line for line in lines if re.search(_FATAL, line)] or lines
    return fatal[-1] if fatal else "its journal says nothing"


def _said(host: "System", manager: Manager, unit: str) -> str:
    """Return the daemon's last lines: of its log file, of the journal, or of journalctl without systemd-python.

    If the daemon has said nothing, return what systemd says about its unit.
    """
    if manager.log:
        return host.tail(manager.log, -20000)
    told = host.messages(unit, LINES, user=host.uid if "--user" in manager.journal else None)
    if told:
        return "\n".join(told)
    program, *own = (word.format(unit=unit) for word in manager.journal)
    about = [*(word for word in own if word == "--user"), f"--unit={unit}"]
    for chosen in (own, about) if told is None else (about,):
        words = host.ask(program, *chosen, f"--lines={LINES}", "--output=cat", "--no-pager", "--quiet").stdout
        if words.strip():
            return words
    return ""


def _answers(system: "System", socket: str) -> bool:
    try:
        return system.request(socket, "GET", "/_ping")[0] == 200
    except NoEngineError:
        return False
