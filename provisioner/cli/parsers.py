"""Parse the command line with argparse: help, errors, and unusual spellings of options."""

import argparse
import shutil
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from provisioner import __version__
from provisioner.cli import examples, options
from provisioner.cli.options import Arguments
from provisioner.errors import UsageError

WIDEST = 100  # maximum columns of a help text
# Words that people know from other programs, and what to use here.
HABITS = {
    "--dry-run": "`provisioner plan` shows what apply would do",
    "--check": "`provisioner check` reports what differs",
    "--diff": "`provisioner plan` shows the changes of files",
    "--yes": "apply never asks: leave it out",
    "--force": "nothing can be forced: `provisioner plan` says what blocks a change, and what to do",
    "--debug": "use --verbose",
    "status": "use `provisioner check` or `provisioner detect`",
    "diff": "use `provisioner plan`",
    "undo": "use `provisioner rollback`",
    "install": "use `provisioner apply`",
    "uninstall": "use `provisioner remove`",
    "list": "use `provisioner history`",
    "doctor": "use `provisioner detect` and `provisioner check`",
    "version": "use `provisioner --version`",
}


def _help(prog: str) -> argparse.HelpFormatter:
    """Format help for the width of the terminal, up to a readable maximum."""
    width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    return argparse.RawDescriptionHelpFormatter(prog, width=width)


class _Parser(argparse.ArgumentParser):
    """A parser that raises UsageError and accepts no abbreviations.

    argparse itself exits with 2 for a wrong command line, but here 2 means drift.
    """

    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(prog, formatter_class=_help, allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see `{self.prog} --help`")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Reject a word that is not one of the choices, and suggest the one that was probably meant."""
        if action.choices is None or value in action.choices:
            return
        known = [str(c) for c in action.choices]
        name = action.option_strings[0] if action.option_strings else "command"
        what = f"there is no command {value!r}" if name == "command" else f"{name} cannot be {value!r}"
        raise UsageError(what, hint=_hint(str(value), known, f"one of {', '.join(known)}"))


def parse(commands: Mapping[str, str], argv: Sequence[str]) -> Arguments:
    """Parse a command line.

    Raises:
        UsageError: the command line is wrong. The hint suggests what was probably meant.
    """
    top = _parser(commands)
    if not argv or argv[0] == "help":
        top.parse_args([*([a for a in argv[1:2] if a in commands]), "--help"])
    found, rest = top.parse_known_args(argv, Arguments())
    if rest:
        _refuse(found.command, rest[0])
    return found


def _parser(commands: Mapping[str, str]) -> _Parser:
    """Make the parser of all commands."""
    description = "Makes a Docker host able to build, run and push images for several platforms, and proves it."
    top = _Parser("provisioner", description=description, epilog=examples.overview())
    top.add_argument("-V", "--version", action="version", version=f"provisioner {__version__}")
    every = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in commands.items():
        sub = every.add_parser(name, help=summary, description=f"{summary}.", epilog=examples.of(name))
        for argument in options.of(name):
            sub.add_argument(argument.name, **argument.settings)
    return top


def _refuse(command: str, word: str) -> NoReturn:
    """Report an unknown option or an extra word, and suggest what was probably meant."""
    name = word.partition("=")[0]
    known = [a.name for a in options.of(command) if a.name.startswith("--")]
    what = f"`provisioner {command}` has no option {name}" if name.startswith("-") else f"{word!r} is one word too many"
    raise UsageError(what, hint=_hint(name, known, f"see `provisioner {command} --help`"))


def _hint(word: str, known: Sequence[str], otherwise: str) -> str:
    """Suggest what was probably meant by a word."""
    if habit := HABITS.get(word):
        return habit
    alike = get_close_matches(word, known, 1, 0.6)
    return f"did you mean {alike[0]}?" if alike else otherwise
