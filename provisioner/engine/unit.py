"""The systemd unit of an engine's daemon: its command line, with the variables filled in.

We ask systemd instead of guessing, because drop-ins, environment files and ``$DOCKER_OPTS`` all affect the flags.
"""

import re
from collections.abc import Mapping, Sequence

from provisioner.model import Reader
from provisioner.typed import NamedTuple

FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
PREFIXES = "@-:+!|"  # of a command line, for systemd alone
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
    shown = properties(host, control, unit, "ExecStart", "Environment", "EnvironmentFiles", "MainPID")
    found = re.search(_ARGV, shown.get("ExecStart", ""))
    main = int(shown.get("MainPID") or 0)
    if not found or found.group(1).split(" ")[0].rpartition("/")[2] != "dockerd":
        return Command((), {}, main)
    variables = dict(w.split("=", 1) for w in _words(shown.get("Environment", "")) if "=" in w)
    for name in re.findall(r"(?m)^(.+) \(ignore_errors=", shown.get("EnvironmentFiles", "")):
        variables |= _assignments(host.read(name) or "")
    return Command(tuple(_expand(found.group(1), variables)), variables, main)


def written(host: Reader, unit: str) -> tuple[str, ...]:
    """Return the command line that a unit's files give, for an image, or where a sandbox cannot reach systemd.

    As systemd does, take the unit of the first folder, then every drop-in by its name. The last ExecStart counts.

    Returns: an empty tuple if no file says it, or if a wrapper starts the daemon.
    """
    found = (text for folder in FOLDERS if (text := host.read(f"{folder}/{unit}")) is not None)
    drop_ins = {n: f"{f}/{unit}.d/{n}" for f in reversed(FOLDERS) for n in host.names(f"{f}/{unit}.d")}
    texts = [next(found, ""), *(host.read(path) or "" for n, path in sorted(drop_ins.items()) if n.endswith(".conf"))]
    said = _settings("\n".join(texts))
    line = said.get("ExecStart", [""])[-1].lstrip(PREFIXES)
    if line.split(" ")[0].rpartition("/")[2] != "dockerd":
        return ()
    variables = dict(w.split("=", 1) for row in said.get("Environment", ()) for w in _words(row) if "=" in w)
    for path in said.get("EnvironmentFile", ()):
        variables |= _assignments(host.read(path.removeprefix("-")) or "")
    return tuple(_expand(line, variables))


def _settings(text: str) -> dict[str, list[str]]:
    """Return the values of each setting in a unit's text, in their order. An empty value discards those before it."""
    found: dict[str, list[str]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        name, _, value = (part.strip() for part in line.partition("="))
        found[name] = [*found.get(name, ()), value] if value else []
    return {name: values for name, values in found.items() if values}


def properties(host: Reader, control: Sequence[str], unit: str, *names: str) -> dict[str, str]:
    """Return properties of a unit as ``systemctl show`` prints them. A property printed twice gets two lines."""
    ran = host.ask(*control, "show", unit, *(f"--property={n}" for n in names))
    shown: dict[str, str] = {}
    for name, equals, value in (line.partition("=") for line in ran.stdout.splitlines()):
        if equals:
            shown[name] = f"{shown[name]}\n{value}" if name in shown else value
    return shown


def _words(text: str) -> list[str]:
    """Split a text as a shell does. If a quote is not closed, leave it out and split at blanks."""
    import shlex

    try:
        return shlex.split(text)
    except ValueError:
        return text.strip().strip("'\"").split()


def _assignments(text: str) -> dict[str, str]:
    """Parse an environment file as systemd does, with comments, quotes, and a backslash at the end of a line."""
    found = {}
    for line in text.replace("\\\n", "").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            found[name.strip()] = " ".join(_words(value))
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
