"""The daemon's next start: its command line with variables filled in, and its unit's environment.

systemd is asked, never guessed at: drop-ins, environment files and ``$DOCKER_OPTS`` all have their say in the flags.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from provisioner.daemon import managers
from provisioner.engine.kinds import Layout
from provisioner.model import Reader

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
    shown = properties(host, layout, *names) if managers.by_systemd(host, layout) else {}
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
