"""How the daemon is run: the flags of its next start, the one restart, the reload that containers do not notice.

systemd is asked, never guessed at: drop-ins, environment files and ``$DOCKER_OPTS`` all have their say in the flags.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from provisioner.daemon import managers
from provisioner.daemon.managers import Manager
from provisioner.engine import facts, kinds
from provisioner.engine.kinds import Site
from provisioner.errors import CommandError, NoEngineError, ProvisionerError
from provisioner.host import System
from provisioner.model import Reader
from provisioner.steps import Obstacle, Reload, Restart

RELOADS = "%7B%22type%22%3A%5B%22daemon%22%5D%2C%22event%22%3A%5B%22reload%22%5D%7D"  # type daemon, event reload
BY_HAND = "restart it by hand, however it was started; a container: restart that"
NOBODY = "the daemon must be restarted, and nobody runs this host's services"
OWED = Obstacle("restart-owed", NOBODY, BY_HAND)
ROOT = Site()
_ARGV = r"argv\[\]=(.*?) ; ignore_errors="  # compiled when they are used, and a check in sync uses neither
_GAVE_UP = r"(?m)^(failed to start |unable to configure |panic:)|level=fatal"  # a daemon's, not one of its containers'
_FATAL = r"failed to start |unable to configure|level=fatal|Error starting|panic:"


class Start(NamedTuple):
    """The daemon's next start: its command line, variables filled in, and what of its environment is its unit's.

    ``main``: the process that the unit runs now; 0: none, or no systemd knows.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    main: int = 0


def start(host: Reader, site: Site, running: tuple[str, ...] = ()) -> Start:
    """How the daemon will be started; where no systemd knows that, as it was when ``running`` were its flags.

    systemd tells the words of a command line without what kept them apart, so those of ``running`` count where they
    make up the same line: one of ``--log-opt=tag={{.Name}} {{.ID}}`` is one.
    """
    names = ("ExecStart", "Environment", "EnvironmentFiles", "MainPID")
    shown = properties(host, site, *names) if by_systemd(host, site) else {}
    found = re.search(_ARGV, shown.get("ExecStart", ""))
    main = int(shown.get("MainPID") or 0)
    if not found or found.group(1).split(" ")[0].rpartition("/")[2] != "dockerd":  # a wrapper judges nothing
        return Start((site.dockerd or "dockerd", *running), {}, main)
    import shlex

    variables = dict(w.split("=", 1) for w in shlex.split(shown.get("Environment", "")) if "=" in w)
    for name in re.findall(r"(?m)^(.+) \(ignore_errors=", shown.get("EnvironmentFiles", "")):
        variables |= _assignments(host.read(name) or "")
    daemon, *flags = _expand(found.group(1), variables)
    same = " ".join(flags).split() == " ".join(running).split()
    return Start((daemon, *(running if same else flags)), variables, main)


def by_systemd(host: Reader, site: Site = ROOT) -> bool:
    """Whether systemd runs this host's services, or this one."""
    found = managers.of(host, site)
    return found is not None and bool(found.control)


def scope(host: Reader) -> tuple[str, ...]:
    """How systemd's programs are told whose units are meant: root's by themselves."""
    return ("--user",) if host.uid != 0 else ()


def nobody(host: Reader, site: Site) -> bool:
    """Whether nobody runs this host's services: then a restart is owed, not made."""
    return managers.of(host, site) is None


def reloads(host: Reader, site: Site) -> bool:
    """Whether the daemon can be told to read its configuration again."""
    found = managers.of(host, site)
    return found is not None and bool(found.reload)


def given(flags: Sequence[str], *names: str) -> str | None:
    """The value of a flag in either of its spellings, the last one; None: it is not there."""
    found = None
    for index, flag in enumerate(flags):
        name, equals, value = flag.partition("=")
        if name in names:
            found = value if equals else flags[index + 1] if index + 1 < len(flags) else ""
    return found


def validate(host: Reader, candidate: str, begin: Start) -> str | None:
    """What ``dockerd --validate`` has against a daemon.json, with the unit's own flags; None: nothing.

    The candidate goes in on stdin, so that nothing is written to judge it. Engines below 23 cannot validate.
    """
    if host.asleep:
        return None  # an image that does not run: its dockerd cannot, either
    daemon, *flags = begin.argv
    kept = without(flags, "--config-file")
    ran = host.ask(daemon, *kept, "--validate", "--config-file=/dev/stdin", text=candidate)
    if ran.status == 0 or "unknown flag: --validate" in ran.error:
        return None
    lines = [line for line in ran.error.splitlines() if line.strip()]
    return (lines[-1] if lines else f"status {ran.status}").replace("/dev/stdin", "daemon.json")


def restart(system: System, step: Restart, say: Callable[[str], None]) -> tuple[str, ...]:
    """Restart the daemon, wait until it answers; the names of the containers that did not come back.

    CommandError quotes the daemon's own last words. ``--no-block`` and a deadline of ours: the unit says
    TimeoutStartSec=0, so systemctl might wait for ever. reset-failed: systemd counts starts, and refuses the one that
    puts everything back.
    """
    site = facts.placed(system, kinds.of(step.flavour).site or ROOT)
    manager = managers.of(system, site)
    if manager is None:
        raise CommandError("nobody runs this host's services, so the daemon cannot be restarted", hint=BY_HAND)
    was, up = _state(system, manager, site)
    before = _running(system, step.socket) if up else set()
    if manager.control:
        system.ask(*manager.control, "reset-failed", step.unit, step.unit.removesuffix(".service") + ".socket")
    logged = system.size(manager.log)
    system.run(manager.restart, step.deadline)
    _wait(system, step, manager, site, was, logged)
    missing = tuple(sorted(before - _settled(system, step.socket, before)))
    if missing:
        say(f"running before the restart and not after it: {', '.join(missing)}")
    return missing


def reload(system: System, step: Reload) -> None:
    """Have the daemon read its configuration again. CommandError: it does not say that it has.

    ``systemctl reload`` succeeds for a broken file, too, and changes nothing then. The daemon's event is what counts.
    """
    site = facts.placed(system, kinds.of(step.flavour).site or ROOT)
    manager = managers.of(system, site)
    if manager is None or not manager.reload:
        raise CommandError("nobody runs this host's services, so the daemon cannot be told to reload", hint=BY_HAND)
    since = system.time()
    system.run(manager.reload, step.deadline)
    deadline = system.clock() + step.deadline
    while system.clock() < deadline:
        window = f"since={since:.6f}&until={system.time():.6f}"
        if b'"reload"' in system.request(step.socket, "GET", f"/events?{window}&filters={RELOADS}")[1]:
            return
        system.pause(0.05)
    words = last_words(system, manager, step.unit)
    raise CommandError(f"{step.unit} did not reload within {step.deadline} s: {words}")


def _wait(system: System, step: Restart, manager: Manager, site: Site, was: str, logged: int) -> None:
    """Wait for the daemon that is not the one that ``was``; its log had ``logged`` bytes."""
    deadline = system.clock() + step.deadline
    while system.clock() < deadline:
        now, up = _state(system, manager, site)
        if (up is None and now != was) or (manager.log and re.search(_GAVE_UP, system.tail(manager.log, logged))):
            raise CommandError(f"{step.unit} did not start: {last_words(system, manager, step.unit)}")
        if up and now not in ("", was) and _answers(system, step.socket):
            return
        system.pause(0.05)
    words = last_words(system, manager, step.unit)
    raise CommandError(f"{step.unit} did not answer within {step.deadline} s: {words}")


def _state(system: System, manager: Manager, site: Site) -> tuple[str, bool | None]:
    """What differs from one start of the daemon to the next, and whether it is up; None: its unit has failed.

    Nobody but the unit is asked for that: on a socket that systemd holds, one waits for the next daemon, and wakes it.
    """
    if not manager.control:
        return (system.read(site.pid) or "").strip(), True
    shown = properties(system, site, "InvocationID", "ActiveState", "SubState")
    failed = shown.get("ActiveState") == "failed" or shown.get("SubState") == "auto-restart"
    return shown.get("InvocationID", ""), None if failed else shown.get("ActiveState") in ("active", "reloading")


def _running(system: System, socket: str) -> set[str]:
    """The names of the containers that run; none where the engine does not say."""
    try:
        found = system.get(socket, "/containers/json") or ()
    except ProvisionerError:
        return set()
    return {str(c["Names"][0]).lstrip("/") for c in found if c.get("Names")}


def _settled(system: System, socket: str, before: set[str]) -> set[str]:
    """What runs once those that come back by themselves have had the time to."""
    now = _running(system, socket)
    for seconds in (0.2, 0.5, 1.0) if before - now else ():
        system.pause(seconds)
        now = _running(system, socket)
        if not before - now:
            break
    return now


def last_words(host: System, manager: Manager, unit: str) -> str:
    """Why the daemon did not start, in its own words."""
    if manager.log:
        text = host.tail(manager.log, -20000)
    else:
        text = host.ask(*manager.journal, unit, "--lines=60", "--output=cat", "--no-pager", "--quiet").stdout
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = [line for line in lines if re.search(_FATAL, line)] or lines
    return fatal[-1] if fatal else "its journal says nothing"


def properties(host: Reader, site: Site, *names: str) -> dict[str, str]:
    """Properties of the daemon's unit, as ``systemctl show`` prints them; one that it prints twice has two lines."""
    manager = managers.of(host, site)
    control = manager.control if manager else ("systemctl",)
    ran = host.ask(*control, "show", site.unit, *(f"--property={n}" for n in names))
    shown: dict[str, str] = {}
    for name, equals, value in (line.partition("=") for line in ran.stdout.splitlines()):
        if equals:
            shown[name] = f"{shown[name]}\n{value}" if name in shown else value
    return shown


def _answers(system: System, socket: str) -> bool:
    try:
        return system.request(socket, "GET", "/_ping")[0] == 200
    except NoEngineError:
        return False


def expanded(line: str, environment: str) -> tuple[str, ...]:
    """A unit's command line with the variables of one environment file."""
    return tuple(_expand(line, _assignments(environment)))


def _assignments(text: str) -> dict[str, str]:
    """An environment file, as systemd reads it: assignments, comments, quotes, a backslash before the line's end."""
    import shlex

    found = {}
    for line in text.replace("\\\n", "").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            try:
                found[name.strip()] = " ".join(shlex.split(value))
            except ValueError:  # a quote that nobody closed
                found[name.strip()] = value.strip().strip("'\"")
    return found


def _expand(line: str, variables: dict[str, str]) -> list[str]:
    """systemd's rules: a word that is ``$NAME`` becomes as many words as its value has, ``${NAME}`` stays one."""
    words: list[str] = []
    for word in line.split(" "):
        if re.fullmatch(r"\$\w+", word):
            words += variables.get(word[1:], "").split()
        elif word:
            words.append(re.sub(r"\$\{(\w+)\}", lambda m: variables.get(m.group(1), ""), word))
    return words


def without(flags: list[str], name: str) -> list[str]:
    """The flags less one that takes a value, in either of its spellings."""
    kept, skip = [], False
    for flag in flags:
        if skip:
            skip = False
        elif flag == name:
            skip = True
        elif not flag.startswith(f"{name}="):
            kept.append(flag)
    return kept
