"""Judge the documents that commands print: each field is in the schema, and nothing is missing."""

import functools
from typing import Any

import jsonschema

from provisioner.checks import schemas


def judge(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document that matches its command's schema and has no field that the schema does not know."""
    if document.get("command") in schemas.DOCUMENTS:
        _validator(document["command"]).validate(document)
    return document


@functools.cache
def _validator(command: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(_closed(schemas.document(command), top=True))


def _closed(schema: Any, *, top: bool = False) -> Any:
    """Return a schema that allows no other fields than those that it names. ``then`` and ``else`` only add demands."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {k: v if top and k in ("if", "then", "else") else _closed(v) for k, v in schema.items()}
    if isinstance(found.get("properties"), dict) and "type" in found:
        found["additionalProperties"] = False
    return found
