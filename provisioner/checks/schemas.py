"""The JSON Schemas of the documents that the commands print, version 2.

Within a version, only new fields and new codes may be added. Any other change needs a new version. Numbers are
JSON numbers, times are RFC 3339 in UTC, and unknown values are null.
"""

from collections.abc import Mapping
from typing import Any

from provisioner.checks.identity import SCHEMA_VERSION

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = f"urn:provisioner:schema:{{}}:{SCHEMA_VERSION}"

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
YES: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"}
VALUE: Schema = {"type": ["string", "boolean", "integer", "null"]}
RESOURCE: Schema = {"enum": ["daemon", "image store", "emulators", "builder"]}


def maybe(schema: Schema) -> Schema:
    """Accept the schema or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    """Accept a list of items that match the schema."""
    return {"type": "array", "items": schema}


def fields(required: Mapping[str, Schema], **optional: Schema) -> Schema:
    """Accept a mapping with these fields. Other fields are allowed."""
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


def words(*choices: str) -> Schema:
    """Accept one of these words."""
    return {"enum": list(choices)}


ERROR = fields(
    {"code": TEXT, "message": TEXT, "hint": TEXT, "rolled_back": maybe(YES)},
    since=TIME,
)
OBSTACLE = fields({"code": TEXT, "message": TEXT, "hint": TEXT, "numbers": {"type": "object"}})
HOLD = fields({"reason": TEXT, "until": TIME, "since": TIME, "by": TEXT})
DIFFERENCE = fields({"key": TEXT, "have": VALUE, "want": VALUE})
STEP = fields(
    {"kind": TEXT, "does": TEXT}, phase=words("edit", "restart", "trial", "last"), diff=maybe(TEXT), unit=TEXT
)
BLOCKED = fields({"key": TEXT, "fatal": YES, "restart": YES, **OBSTACLE["properties"]})
CHANGE = fields(
    {
        "resource": TEXT,
        "differences": many(DIFFERENCE),
        "steps": many(STEP),
        "blocked": many(BLOCKED),
        "notes": many(TEXT),
    }
)
LEFT_OVER = fields({"name": TEXT, "why": TEXT, "ours": YES, "bytes": maybe(NUMBER)})
EMULATOR = fields(
    {
        "interpreter": TEXT,
        "source": words("image", "package", "directory"),
        "tag": maybe(TEXT),
        "version": maybe(TEXT),
        "ours": YES,
        "flags": TEXT,
    },
    faults=many(TEXT),
)
PLATFORM = fields(
    {
        "platform": TEXT,
        "runs": words("native", "emulated", "build-only"),
        "by": maybe(TEXT),
        "built_on": maybe(TEXT),
        "emulator": maybe(EMULATOR),
    }
)
PROVEN = fields(
    {"platform": TEXT, "built": YES, "indexed": YES, "runs": YES, "how": TEXT, "error": TEXT, "where": TEXT}
)
ENTRY = fields(
    {
        "number": NUMBER,
        "time": maybe(TIME),
        "outcome": TEXT,
        "changed": many(fields({"resource": TEXT, **DIFFERENCE["properties"]})),
        "undo": many(STEP),
        "problem": maybe(TEXT),
    }
)
ENGINE = fields({"endpoint": TEXT, "kind": TEXT, "version": TEXT, "image_store": TEXT})
PROBLEM = fields(
    {"file": TEXT, "line": maybe(NUMBER), "column": maybe(NUMBER), "key": TEXT, "message": TEXT, "hint": TEXT}
)

_DRIFTED = fields(
    {
        "resource": RESOURCE,
        **DIFFERENCE["properties"],
        "cause": {"enum": ["corrective", "intended", None]},
        "since": maybe(TIME),
        "restarts": YES,
        "blocked": maybe(OBSTACLE),
    }
)

CHECK: dict[str, Schema] = {
    "duration_seconds": {"type": "number", "minimum": 0},
    "engine": maybe(ENGINE),
    "configuration": maybe(fields({"path": maybe(TEXT), "sha256": maybe(TEXT)})),
    "platforms": many(PLATFORM),
    "differences": many(_DRIFTED),
    "unknown": many(fields({"resource": TEXT, "key": TEXT, "want": VALUE, "reason": TEXT})),
    "as_wanted": many(fields({"resource": RESOURCE, "key": TEXT, "want": VALUE})),
    "apply": many(fields({"resource": RESOURCE, "steps": many(STEP), "restarts": many(TEXT)})),
    "notes": many(TEXT),
    "repair": many(TEXT),
    "hold": maybe(HOLD),
    "interrupted": maybe(NUMBER),
}
_CHECK_WORDS = ("in-sync", "drifted", "blocked", "unknown", "interrupted")
_PROOF = fields({"index": TEXT, "platforms": many(PROVEN)})
_FINDING = fields({"state": TEXT, "resource": TEXT, "key": TEXT, "have": TEXT, "want": TEXT, "hosts": NUMBER})

# For each command: the possible values of its status besides `failed`, and its fields. The document of a failed command
# has only the head. check and detect are exceptions: they report as much as they can.
DOCUMENTS: Mapping[str, tuple[tuple[str, ...], dict[str, Schema]]] = {
    "check": (_CHECK_WORDS, CHECK),
    "plan": (
        ("in-sync", "changes", "interrupted"),
        {
            "changes": many(CHANGE),
            "notes": many(TEXT),
            "left_over": many(LEFT_OVER),
            "interrupted": maybe(NUMBER),
            "hold": maybe(HOLD),
        },
    ),
    "apply": (
        ("converged", "blocked"),
        {
            "changed": YES,
            "receipt": maybe(NUMBER),
            "recovered": maybe(NUMBER),
            "changes": many(CHANGE),
            "left": many(CHANGE),
            "missing": many(TEXT),
            "proof": maybe(_PROOF),
        },
    ),
    "prove": (("proven", "not-proven"), {"index": TEXT, "platforms": many(PROVEN)}),
    "detect": (
        ("ok",),
        {
            "cpu": fields({"machine": TEXT, "native": many(TEXT)}),
            "os": fields({"name": TEXT, "kernel": maybe(TEXT), "user": TEXT}),
            "endpoint": fields({"address": TEXT, "source": TEXT}),
            "before_sudo": maybe(TEXT),
            "engine": maybe(fields({"kind": TEXT, "title": TEXT, "version": TEXT, "ours": YES, "image_store": TEXT})),
            "engines": many(fields({"address": TEXT, "ours": YES, "note": TEXT, "counts": YES})),
            "emulators": fields({"binfmt_misc": maybe(TEXT), "namespaced": YES, "platforms": many(PLATFORM)}),
            "registered": many(fields({"name": TEXT, "interpreter": TEXT, "flags": TEXT, "enabled": YES})),
            "programs": {"type": "object", "additionalProperties": maybe(TEXT)},
            "package_manager": maybe(TEXT),
            "builders": maybe(many(TEXT)),
            "left_over": many(LEFT_OVER),
            "history": maybe(many(ENTRY)),
            "next": many(TEXT),
        },
    ),
    "history": (("ok",), {"entries": many(ENTRY)}),
    "rollback": (("ok", "planned", "accepted"), {"undone": many(NUMBER)}),
    "confirm": (("ok",), {"confirmed": maybe(NUMBER)}),
    "recover": (("ok",), {"undone": many(NUMBER)}),
    "remove": (("ok",), {"undone": many(NUMBER), "left_over": many(TEXT)}),
    "setup": (("ok",), {}),
    "hold": (("ok",), {"hold": HOLD}),
    "release": (("ok",), {"hold": maybe(HOLD)}),
    "validate": (("valid", "invalid"), {"valid": YES, "problems": many(PROBLEM)}),
    "explain": (
        ("recognized", "unknown"),
        {"errors": many(fields({"code": TEXT, "title": TEXT, "line": TEXT, "causes": {"type": "array"}}))},
    ),
    "report": (
        ("ok", "found"),
        {
            "silent_after_seconds": NUMBER,
            "results": NUMBER,
            "hosts": NUMBER,
            "missing": NUMBER,
            "states": {"type": "object", "additionalProperties": NUMBER},
            "findings": many(_FINDING),
            "not_in_sync": many({"type": "object"}),
            "problems": many(fields({"kind": TEXT, "count": NUMBER, "places": many(TEXT)})),
        },
    ),
}


def document(command: str) -> Schema:
    """Return the schema of the document that a command prints, for success and failure."""
    statuses, content = DOCUMENTS[command]
    head = {
        "schema_version": {"const": SCHEMA_VERSION},
        "command": {"const": command},
        "status": words(*statuses, "failed"),
        "exit_status": {"type": "integer", "minimum": 0},
        "time": TIME,
        "agent": fields({"version": TEXT}),
        "error": maybe(ERROR),
    }
    host = {"host": fields({"name": TEXT, "id": maybe(TEXT), "machine": TEXT})}
    failed = {"properties": {"status": {"const": "failed"}}}
    answer: Schema = {"required": list(content)}
    return {
        "$schema": DIALECT,
        "$id": ID.format(command),
        "title": f"provisioner {command}, version {SCHEMA_VERSION}",
        "type": "object",
        "required": [*head, *(() if command == "report" else host)],
        "properties": {**head, **host, **content},
        "if": failed,
        "then": {"properties": {"error": ERROR}, **(answer if command == "check" else {})},
        "else": answer,
    }
