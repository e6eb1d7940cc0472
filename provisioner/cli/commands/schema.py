"""``provisioner schema``: print the JSON Schema of the configuration, or of a command's document."""

import json

from provisioner.cli.commands import Answer
from provisioner.cli.options import Arguments
from provisioner.config import schema
from provisioner.config.problems import suggestion
from provisioner.errors import Exit, UsageError
from provisioner.host import System

CONFIGURATION = "configuration"


def run(_: System, args: Arguments) -> Answer:
    """Print the schema."""
    if args.name == CONFIGURATION:
        return Answer(schema.text().rstrip(), Exit.OK)
    from provisioner.checks import schemas

    known = [CONFIGURATION, *sorted(schemas.DOCUMENTS)]
    if args.name not in schemas.DOCUMENTS:
        hint = suggestion(args.name, known) or f"one of {', '.join(known)}"
        raise UsageError(f"there is no schema {args.name!r}", hint=hint)
    return Answer(json.dumps(schemas.document(args.name), indent=2), Exit.OK)
