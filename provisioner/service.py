"""How the daemon is run: its unit, the flags of its next start, and the one restart.

systemd is asked, never guessed at: drop-ins, environment files and ``$DOCKER_OPTS`` all have their say in the flags.
"""

import re
import shlex

from provisioner.errors import CommandError, NoEngineError
from provisioner.model import Reader, Restart
from provisioner.system import System

UNIT = "docker.service"
_ARGV = re.compile(r"argv\[\]=(.*?) ; ignore_errors=")
_FATAL = re.compile(r"failed to start daemon|unable to configure|level=fatal|Error starting|panic:")


def by_systemd(host: Reader) -> bool:
    """Whether systemd runs this host's services."""
    return host.stat("/run/systemd/system") is not None


def command(host: Reader) -> tuple[str, ...]:
    """The command line of the daemon's next start, variables filled in; empty where systemd does not know the unit."""
    shown = properties(host, "ExecStart", "Environment", "EnvironmentFiles")
    found = _ARGV.search(shown.get("ExecStart", ""))
    if not found:
        return ()
    variables = dict(w.split("=", 1) for w in shlex.split(shown.get("Environment", "")) if "=" in w)
    for name in re.findall(r"(\S+) \(ignore_errors=", shown.get("EnvironmentFiles", "")):
        variables |= _assignments(host.read(name) or "")
    return tuple(_expand(found.group(1), variables))


def validate(host: Reader, candidate: str) -> str | None:
    """What ``dockerd --validate`` has against a daemon.json, with the unit's own flags; None: nothing.

    The candidate goes in on stdin, so that nothing is written to judge it. Engines below 23 cannot validate.
    """
    daemon, *flags = command(host) or ("dockerd",)
    kept = _without(flags, "--config-file")
    ran = host.ask(daemon, *kept, "--validate", "--config-file=/dev/stdin", text=candidate)
    if ran.status == 0 or "unknown flag: --validate" in ran.error:
        return None
    lines = [line for line in ran.error.splitlines() if line.strip()]
    return (lines[-1] if lines else f"status {ran.status}").replace("/dev/stdin", "daemon.json")


def restart(system: System, step: Restart) -> None:
    """Restart the daemon, and wait until it answers. CommandError quotes the daemon's own last words.

    ``--no-block`` and a deadline of ours: the unit says TimeoutStartSec=0, so systemctl might wait for ever.
    reset-failed: systemd counts starts, and refuses the one that puts everything back.
    """
    socket_unit = step.unit.removesuffix(".service") + ".socket"
    system.ask("systemctl", "reset-failed", step.unit, socket_unit)
    before = properties(system, "InvocationID").get("InvocationID")
    system.run(("systemctl", "restart", "--no-block", step.unit), 20)
    deadline = system.clock() + step.deadline
    while system.clock() < deadline:
        shown = properties(system, "ActiveState", "SubState", "InvocationID", "Result")
        if shown.get("InvocationID") != before:
            if shown.get("ActiveState") == "active" and _answers(system, step.socket):
                return
            if shown.get("ActiveState") == "failed" or shown.get("SubState") == "auto-restart":
                raise CommandError(f"{step.unit} did not start: {last_words(system, step.unit)}")
        system.pause(0.05)
    raise CommandError(f"{step.unit} did not answer within {step.deadline} s: {last_words(system, step.unit)}")


def last_words(host: Reader, unit: str) -> str:
    """Why the daemon did not start, in its own words."""
    ran = host.ask("journalctl", "--unit", unit, "--lines=60", "--output=cat", "--no-pager", "--quiet")
    lines = [line.strip() for line in ran.stdout.splitlines() if line.strip()]
    fatal = [line for line in lines if _FATAL.search(line)] or lines
    return fatal[-1] if fatal else "its journal says nothing"


def properties(host: Reader, *names: str) -> dict[str, str]:
    """Properties of the daemon's unit, as ``systemctl show`` prints them."""
    ran = host.ask("systemctl", "show", UNIT, *(f"--property={n}" for n in names))
    return dict(line.split("=", 1) for line in ran.stdout.splitlines() if "=" in line)


def _answers(system: System, socket: str) -> bool:
    try:
        return system.request(socket, "GET", "/_ping")[0] == 200
    except NoEngineError:
        return False


def _assignments(text: str) -> dict[str, str]:
    """An environment file, as systemd reads it: assignments, comments, quotes."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            found[name.strip()] = " ".join(shlex.split(value))
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


def _without(flags: list[str], name: str) -> list[str]:
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
