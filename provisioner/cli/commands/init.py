"""``provisioner init``: print a commented configuration to start from."""

from provisioner.cli.commands import Answer
from provisioner.cli.options import Arguments
from provisioner.config import example
from provisioner.errors import Exit
from provisioner.host import System


def run(_: System, __: Arguments) -> Answer:
    """Print the configuration."""
    return Answer(example.configuration(), Exit.OK)
