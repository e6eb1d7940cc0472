"""The command line: the table of commands, and what may follow each."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from provisioner import __version__, options
from provisioner.errors import UsageError

COMMANDS = {
    "detect": "what this host is",
    "plan": "what apply would do, and what is held",
    "apply": "do it, verify, prove; roll back what failed",
    "check": "drift? changes nothing",
    "prove": "build, inspect and run an image for every platform",
    "rollback": "undo the last apply, or go back to before a receipt",
    "hold": "stop applies on this host until a time, for a reason",
    "remove": "take away what we own, and nothing else",
    "release": "let applies go on",
    "report": "many hosts' check results as one table, page or summary",
    "confirm": "keep what `apply --confirm` made",
    "recover": "undo an apply that was cut off",
    "init": "print a commented configuration to start from",
    "schema": "print the JSON Schema of the configuration",
}


def _help(prog: str) -> argparse.HelpFormatter:
    """argparse asks for the terminal's width for each argument, and to ask imports half of ``shutil``: 3 ms."""
    return argparse.HelpFormatter(prog, width=100)


class _Parser(argparse.ArgumentParser):
    """argparse exits with 2 for bad usage, which is drift to us."""

    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(prog, formatter_class=_help, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see `{self.prog} --help`")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line. To build the parsers of eight commands takes a tenth of a check, so one will do."""
    if argv and argv[0] in COMMANDS:
        one = _Parser(f"provisioner {argv[0]}", description=COMMANDS[argv[0]])
        _arguments(one, argv[0])
        return one.parse_args(argv[1:], argparse.Namespace(command=argv[0]))
    return parser().parse_args(argv)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser("provisioner", description="Makes a Docker host ready for multi-platform builds, and proves it.")
    top.add_argument("--version", action="version", version=f"provisioner {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        _arguments(commands.add_parser(name, help=summary, description=summary), name)
    return top


def _arguments(sub: argparse.ArgumentParser, name: str) -> None:
    sub.add_argument("--config", metavar="FILE", help="default: /etc/provisioner/provisioner.yaml")
    sub.add_argument("--format", choices=options.FORMATS.get(name, options.USUAL), default="text")
    sub.add_argument("--verbose", action="store_true", help="show the traceback of a bug")
    for argument in (*(options.ENGINE if name in options.TALKING else ()), *options.ARGUMENTS.get(name, ())):
        sub.add_argument(argument.name, **argument.settings)
