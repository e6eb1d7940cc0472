"""The systemd unit of an engine's daemon: its command line, with the variables filled in.

We ask systemd instead of guessing, because drop-ins, environment files and ``$DOCKER_OPTS`` all affect the flags.
"""

import re
from collections.abc import Mapping, Sequence

from provisioner.model import Reader
from provisioner.typed import NamedTuple

FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_ARGV = r"argv\[\]=(.*?) ; ignore_errors="  # compiled only when used; most checks do not need it


class Command(NamedTuple):
    """A unit's command line, the environment that the unit sets, and its current process (0 if none).

    ``argv`` is empty if systemd does not know the command line, or if a wrapper starts the daemon.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    main: int


def command(host: Reader, control: Sequence[str], unit: str) -> Command:
    """Return what systemd would start next. ``control`` is systemctl, with ``--user`` for a user's units."""
    import shlex

    shown = properties(host, control, unit, "ExecStart", "Environment", "EnvironmentFiles", "MainPID")
    found = re.search(_ARGV, shown.get("ExecStart", ""))
    main = int(shown.get("MainPID") or 0)
    if not found or found.group(1).split(" ")[0].rpartition("/")[2] != "dockerd":
        return Command((), {}, main)
    try:
        words = shlex.split(shown.get("Environment", ""))
    except ValueError:  # an unclosed quote
        words = shown["Environment"].split()
    variables = dict(w.split("=", 1) for w in words if "=" in w)
    for name in re.findall(r"(?m)^(.+) \(ignore_errors=", shown.get("EnvironmentFiles", "")):
        variables |= _assignments(host.read(name) or "")
    return Command(tuple(_expand(found.group(1), variables)), variables, main)


def written(host: Reader, unit: str) -> tuple[str, ...]:
    """Return the command line that a unit's files give, for an image, or where a sandbox cannot reach systemd.

    As systemd does, take the unit of the first folder, then every drop-in by its name. The last ExecStart counts.
    """
    found = (text for folder in FOLDERS if (text := host.read(f"{folder}/{unit}")) is not None)
    drop_ins = {n: f"{f}/{unit}.d/{n}" for f in reversed(FOLDERS) for n in host.names(f"{f}/{unit}.d")}
    texts = [next(found, ""), *(host.read(path) or "" for n, path in sorted(drop_ins.items()) if n.endswith(".conf"))]
    text = "\n".join(texts).replace("\\\n", " ")
    lines = re.findall(r"(?m)^ExecStart=(.+)$", text)
    files = re.findall(r"(?m)^EnvironmentFile=-?(.+)$", text)
    return expanded(lines[-1], "\n".join(host.read(path.strip()) or "" for path in files)) if lines else ()


def properties(host: Reader, control: Sequence[str], unit: str, *names: str) -> dict[str, str]:
    """Return properties of a unit as ``systemctl show`` prints them. A property printed twice gets two lines."""
    ran = host.ask(*control, "show", unit, *(f"--property={n}" for n in names))
    shown: dict[str, str] = {}
    for name, equals, value in (line.partition("=") for line in ran.stdout.splitlines()):
        if equals:
            shown[name] = f"{shown[name]}\n{value}" if name in shown else value
    return shown


def expanded(line: str, environment: str) -> tuple[str, ...]:
    """Fill the variables of one environment file into a unit's command line."""
    return tuple(_expand(line, _assignments(environment)))


def _assignments(text: str) -> dict[str, str]:
    """Parse an environment file as systemd does, with comments, quotes, and a backslash at the end of a line."""
    import shlex

    found = {}
    for line in text.replace("\\\n", "").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            try:
                found[name.strip()] = " ".join(shlex.split(value))
            except ValueError:  # an unclosed quote
                found[name.strip()] = value.strip().strip("'\"")
    return found


def _expand(line: str, variables: dict[str, str]) -> list[str]:
    """Apply systemd's rules: a word ``$NAME`` is split into the words of its value, and ``${NAME}`` stays one word."""
    words: list[str] = []
    for word in line.split(" "):
        if re.fullmatch(r"\$\w+", word):
            words += variables.get(word[1:], "").split()
        elif word:
            words.append(re.sub(r"\$\{(\w+)\}", lambda m: variables.get(m.group(1), ""), word))
    return words
