"""Answers as JSON documents. Every command's document has the same head, for success and failure."""

import json
from typing import Any

from provisioner import secrets
from provisioner.checks import identity
from provisioner.checks.failure import Failure
from provisioner.model import Reader


def document(host: Reader, command: str, status: str, exit_status: int, **content: Any) -> str:
    """Return one JSON document with secrets masked. ``exit_status`` is the exit status of the program."""
    head = {**identity.head(host, command), "status": status, "exit_status": int(exit_status), "error": None}
    return json.dumps({**head, **secrets.everywhere(content)}, indent=2)


def failed(host: Reader, command: str, failure: Failure) -> str:
    """Return the document of a command that failed."""
    return document(host, command, "failed", failure.exit_status, error=failure.as_json())
