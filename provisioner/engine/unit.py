"""The unit of an engine's daemon, as systemd knows it: its command line with variables filled in.

systemd is asked, never guessed at: drop-ins, environment files and ``$DOCKER_OPTS`` all have their say in the flags.
"""

import re
from collections.abc import Mapping, Sequence

from provisioner.model import Reader
from provisioner.typed import NamedTuple

_ARGV = r"argv\[\]=(.*?) ; ignore_errors="  # compiled when it is used, and a check in sync does not


class Command(NamedTuple):
    """A unit's command line, what of its environment is the unit's, and its process now (0: none).

    ``argv`` is empty where systemd does not know one, or where a wrapper starts the daemon.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    main: int


def command(host: Reader, control: Sequence[str], unit: str) -> Command:
    """What systemd would start next; ``control`` is how it is told whose units are meant."""
    import shlex

    shown = properties(host, control, unit, "ExecStart", "Environment", "EnvironmentFiles", "MainPID")
    found = re.search(_ARGV, shown.get("ExecStart", ""))
    main = int(shown.get("MainPID") or 0)
    if not found or found.group(1).split(" ")[0].rpartition("/")[2] != "dockerd":
        return Command((), {}, main)
    try:
        words = shlex.split(shown.get("Environment", ""))
    except ValueError:  # a quote that nobody closed
        words = shown["Environment"].split()
    variables = dict(w.split("=", 1) for w in words if "=" in w)
    for name in re.findall(r"(?m)^(.+) \(ignore_errors=", shown.get("EnvironmentFiles", "")):
        variables |= _assignments(host.read(name) or "")
    return Command(tuple(_expand(found.group(1), variables)), variables, main)


def properties(host: Reader, control: Sequence[str], unit: str, *names: str) -> dict[str, str]:
    """Properties of a unit, as ``systemctl show`` prints them; one that it prints twice has two lines."""
    ran = host.ask(*control, "show", unit, *(f"--property={n}" for n in names))
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
