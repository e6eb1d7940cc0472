"""``provisioner init``: print a commented configuration to start from."""

from provisioner import example
from provisioner.commands import Answer
from provisioner.errors import Exit
from provisioner.options import Arguments
from provisioner.system import System


def run(_: System, __: Arguments) -> Answer:
    """Print it."""
    return Answer(example.configuration(), Exit.OK)
