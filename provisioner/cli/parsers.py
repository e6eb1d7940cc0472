"""The command line by argparse: help, complaints, and whatever is written in an unusual way."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from provisioner import __version__
from provisioner.cli import options
from provisioner.cli.options import Arguments
from provisioner.errors import UsageError


def _help(prog: str) -> argparse.HelpFormatter:
    """argparse asks for the terminal's width for each argument, and to ask imports half of ``shutil``."""
    return argparse.HelpFormatter(prog, width=100)


class _Parser(argparse.ArgumentParser):
    """argparse exits with 2 for bad usage, which is drift to us."""

    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(prog, formatter_class=_help, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see `{self.prog} --help`")


def parse(commands: Mapping[str, str], argv: Sequence[str]) -> Arguments:
    """Read a command line. UsageError: it is none."""
    top = _Parser("provisioner", description="Makes a Docker host ready for multi-platform builds, and proves it.")
    top.add_argument("--version", action="version", version=f"provisioner {__version__}")
    every = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in commands.items():
        sub = every.add_parser(name, help=summary, description=summary)
        for argument in options.of(name):
            sub.add_argument(argument.name, **argument.settings)
    return top.parse_args(argv, Arguments())
