"""``provisioner schema``: print the JSON Schema of the configuration."""

from provisioner.cli.commands import Answer
from provisioner.cli.options import Arguments
from provisioner.config import schema
from provisioner.errors import Exit
from provisioner.host import System


def run(_: System, __: Arguments) -> Answer:
    """Print it."""
    return Answer(schema.text().rstrip(), Exit.OK)
