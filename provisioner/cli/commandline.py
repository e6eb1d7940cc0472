"""The command line: the table of commands and the parsing of arguments."""

from collections.abc import Sequence

from provisioner.cli import options
from provisioner.cli.options import Arguments

COMMANDS = {
    "detect": "show what this host is",
    "plan": "show what apply would do, and what blocks the rest",
    "apply": "make the host as the configuration wants it, and prove it; roll back what failed",
    "check": "report what differs from the configuration; change nothing",
    "prove": "build, inspect and run an image for every platform",
    "explain": "say what an error of Docker or BuildKit means on this host, and how to cure it",
    "history": "list applies and what each of them changed",
    "rollback": "undo the last apply, or go back to before an entry of the history",
    "confirm": "keep what `apply --confirm` has done",
    "recover": "undo an apply that was cut off",
    "remove": "undo every apply, and remove what provisioner owns and nothing else",
    "hold": "stop applies on this host until a time, for a reason",
    "release": "end a hold",
    "report": "show the check results of many hosts as one table, page or summary",
    "validate": "judge a configuration without a host",
    "init": "print a commented configuration to start from",
    "schema": "print the JSON Schema of the configuration, or of what a command prints",
    "setup": "install the systemd units and manual pages of a pip installation",
}


def parse(argv: Sequence[str]) -> Arguments:
    """Parse the command line. argparse exits on its own for --help and --version.

    Raises:
        UsageError: the command line is wrong.
    """
    if read := plain(argv):
        return read
    from provisioner.cli import parsers  # importing argparse takes a tenth of a check

    return parsers.parse(COMMANDS, argv)


def plain(argv: Sequence[str]) -> Arguments | None:
    """Parse a simple command line without argparse: valid options only, each written in full.

    Returns: None if argparse must parse or reject the command line.
    """
    command = argv[0] if argv else ""
    if command not in COMMANDS:
        return None
    rows = {a.name: a.settings for a in options.of(command)}
    if any(not name.startswith("--") or s.get("required") for name, s in rows.items()):
        return None
    found = {name: s.get("default", False if s.get("action") == "store_true" else None) for name, s in rows.items()}
    rest = iter(argv[1:])
    for word in rest:
        name, equals, value = word.partition("=")
        settings = rows.get(name)
        if settings is None or "type" in settings:
            return None
        if settings.get("action") == "store_true":
            if equals:
                return None
            found[name] = True
            continue
        if not equals and (value := next(rest, "-")).startswith("-"):
            return None
        if value not in settings.get("choices", (value,)):
            return None
        found[name] = [*(found[name] or ()), value] if settings.get("action") == "append" else value
    return Arguments(command=command, **{name[2:].replace("-", "_"): value for name, value in found.items()})
