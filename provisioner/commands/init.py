"""``provisioner init``: print a commented configuration to start from."""

import argparse

from provisioner import example
from provisioner.commands import Answer
from provisioner.errors import Exit
from provisioner.system import System


def run(_: System, __: argparse.Namespace) -> Answer:
    """Print it."""
    return Answer(example.configuration(), Exit.OK)
