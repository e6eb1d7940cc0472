"""``provisioner schema``: print the JSON Schema of the configuration."""

import argparse

from provisioner import schema
from provisioner.commands import Answer
from provisioner.errors import Exit
from provisioner.system import System


def run(_: System, __: argparse.Namespace) -> Answer:
    """Print it."""
    return Answer(schema.text().rstrip(), Exit.OK)
