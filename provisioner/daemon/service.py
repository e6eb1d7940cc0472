"""How the daemon is run: who runs it, the flags of its next start, and what it says of a daemon.json.

systemd is asked, never guessed at: drop-ins, environment files and ``$DOCKER_OPTS`` all have their say in the flags.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from provisioner.daemon import managers
from provisioner.engine.kinds import Layout
from provisioner.model import Reader
from provisioner.steps import Obstacle
from provisioner.text import command_line

BY_HAND = "restart it by hand, however it was started; a container: restart that"
NOBODY = "the daemon must be restarted, and nobody runs this host's services"
OWED = Obstacle("restart-owed", NOBODY, BY_HAND)
ROOT = Layout()
_ARGV = r"argv\[\]=(.*?) ; ignore_errors="  # compiled when it is used, and a check in sync does not


class Start(NamedTuple):
    """The daemon's next start: its command line, variables filled in, and what of its environment is its unit's.

    ``main``: the process that the unit runs now; 0: none, or no systemd knows.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    main: int = 0


def start(host: Reader, layout: Layout, running: tuple[str, ...] = ()) -> Start:
    """How the daemon will be started; where no systemd knows that, as it was when ``running`` were its flags.

    systemd tells the words of a command line without what kept them apart, so those of ``running`` count where they
    make up the same line: one of ``--log-opt=tag={{.Name}} {{.ID}}`` is one.
    """
    names = ("ExecStart", "Environment", "EnvironmentFiles", "MainPID")
    shown = properties(host, layout, *names) if by_systemd(host, layout) else {}
    found = re.search(_ARGV, shown.get("ExecStart", ""))
    main = int(shown.get("MainPID") or 0)
    if not found or found.group(1).split(" ")[0].rpartition("/")[2] != "dockerd":  # a wrapper judges nothing
        return Start((layout.dockerd or "dockerd", *running), {}, main)
    import shlex

    variables = dict(w.split("=", 1) for w in shlex.split(shown.get("Environment", "")) if "=" in w)
    for name in re.findall(r"(?m)^(.+) \(ignore_errors=", shown.get("EnvironmentFiles", "")):
        variables |= _assignments(host.read(name) or "")
    daemon, *flags = _expand(found.group(1), variables)
    same = " ".join(flags).split() == " ".join(running).split()
    return Start((daemon, *(running if same else flags)), variables, main)


def by_systemd(host: Reader, layout: Layout = ROOT) -> bool:
    """Whether systemd runs this host's services, or this one."""
    found = managers.of(host, layout)
    return found is not None and bool(found.control)


def scope(host: Reader) -> tuple[str, ...]:
    """How systemd's programs are told whose units are meant: root's by themselves."""
    return ("--user",) if host.uid != 0 else ()


def nobody(host: Reader, layout: Layout) -> bool:
    """Whether nobody runs this host's services: then a restart is owed, not made."""
    return managers.of(host, layout) is None


def reloads(host: Reader, layout: Layout) -> bool:
    """Whether the daemon can be told to read its configuration again."""
    found = managers.of(host, layout)
    return found is not None and bool(found.reload)


def validate(host: Reader, candidate: str, begin: Start) -> str | None:
    """What ``dockerd --validate`` has against a daemon.json, with the unit's own flags; None: nothing.

    The candidate goes in on stdin, so that nothing is written to judge it. Engines below 23 cannot validate.
    """
    if host.asleep:
        return None  # an image that does not run: its dockerd cannot, either
    daemon, *flags = begin.argv
    kept = command_line.without(flags, "--config-file")
    ran = host.ask(daemon, *kept, "--validate", "--config-file=/dev/stdin", text=candidate)
    if ran.status == 0 or "unknown flag: --validate" in ran.error:
        return None
    lines = [line for line in ran.error.splitlines() if line.strip()]
    return (lines[-1] if lines else f"status {ran.status}").replace("/dev/stdin", "daemon.json")


def properties(host: Reader, layout: Layout, *names: str) -> dict[str, str]:
    """Properties of the daemon's unit, as ``systemctl show`` prints them; one that it prints twice has two lines."""
    manager = managers.of(host, layout)
    control = manager.control if manager else ("systemctl",)
    ran = host.ask(*control, "show", layout.unit, *(f"--property={n}" for n in names))
    shown: dict[str, str] = {}
    for name, equals, value in (line.partition("=") for line in ran.stdout.splitlines()):
        if equals:
            shown[name] = f"{shown[name]}\n{value}" if name in shown else value
    return shown


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
