"""The command line: the table of commands and the parsing of arguments."""

from collections.abc import Sequence

from provisioner.cli import options
from provisioner.cli.options import Arguments

COMMANDS = {
    "detect": "describe this host",
    "plan": "show what apply would do, and what is blocked and why",
    "apply": "make the host match the configuration, and prove it; roll back if anything fails",
    "check": "report what differs from the configuration; change nothing",
    "prove": "build, inspect and run an image for every platform",
    "explain": "find the cause of an error of Docker or BuildKit on this host, and show the cure",
    "history": "list applies and what each of them changed",
    "rollback": "undo the last apply, or go back to before an entry of the history",
    "confirm": "keep what `apply --confirm` changed",
    "recover": "undo an apply that was interrupted",
    "remove": "undo every apply, and remove only what provisioner owns",
    "hold": "block applies on this host until a time, for a reason",
    "release": "end a hold",
    "report": "show the check results of many hosts as one table, page or summary",
    "validate": "list every mistake of a configuration, without a host",
    "init": "print a commented configuration to start from",
    "schema": "print the JSON Schema of the configuration, or of a command's document",
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
