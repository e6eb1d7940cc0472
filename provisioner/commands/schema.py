"""``provisioner schema``: print the JSON Schema of the configuration."""

from provisioner import schema
from provisioner.commands import Answer
from provisioner.errors import Exit
from provisioner.options import Arguments
from provisioner.system import System


def run(_: System, __: Arguments) -> Answer:
    """Print it."""
    return Answer(schema.text().rstrip(), Exit.OK)
