"""A module for each command, imported when it is asked for: ``run`` does it and says what stdout and the exit are."""

import argparse
from typing import NamedTuple


class Answer(NamedTuple):
    """What a command says on stdout, and its exit status."""

    text: str
    status: int


def only(args: argparse.Namespace) -> tuple[str, ...]:
    """The resources that the command line names, in their own words."""
    return tuple(name.replace("-", " ") for name in args.only or ())
