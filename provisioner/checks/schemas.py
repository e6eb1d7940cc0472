"""The JSON Schemas of the documents that the commands print, version 2.

Within a version, only new fields and new codes may be added. Any other change needs a new version. Numbers are
JSON numbers, times are RFC 3339 in UTC, and unknown values are null.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from provisioner.checks.identity import SCHEMA_VERSION

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = f"urn:provisioner:schema:{{}}:{SCHEMA_VERSION}"

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
SECONDS: Schema = {"type": "number", "minimum": 0}
YES: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"}
FATES = ("put back", "already so", "changed since")  # of what a rollback or a removal undoes
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


def table(schema: Schema) -> Schema:
    """Accept a mapping of any keys to values that match the schema."""
    return {"type": "object", "additionalProperties": schema}


def words(*choices: str) -> Schema:
    """Accept one of these words."""
    return {"enum": list(choices)}


ERROR = fields(
    {"code": TEXT, "message": TEXT, "hint": TEXT, "rolled_back": maybe(YES)},
    since=TIME,
)
OBSTACLE = fields({"code": TEXT, "message": TEXT, "hint": TEXT, "numbers": table(NUMBER)})
HOLD = fields({"reason": TEXT, "until": TIME, "since": TIME, "by": TEXT})
DIFFERENCE = fields({"key": TEXT, "have": VALUE, "want": VALUE})
STEP = fields(
    {"kind": TEXT, "does": TEXT}, phase=words("edit", "restart", "trial", "after", "last"), diff=maybe(TEXT), unit=TEXT
)
BLOCKED = fields({"key": TEXT, "fatal": YES, "restart": YES, **OBSTACLE["properties"]})
CHANGE = fields(
    {
        "resource": TEXT,
        "differences": many(DIFFERENCE),
        "steps": many(STEP),
        "blocked": many(BLOCKED),
        "notes": many(TEXT),
    },
    engine=TEXT,
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
    },
    engine=TEXT,
)
DETECTED = fields({**{n: PLATFORM["properties"][n] for n in PLATFORM["required"]}, "state": VALUE, "sentence": TEXT})
PROVEN = fields(
    {
        "platform": TEXT,
        "built": YES,
        "indexed": YES,
        "runs": YES,
        "how": TEXT,
        "error": TEXT,
        "build_only": YES,
        "away": YES,
        "where": TEXT,
    }
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
NODE = fields({"name": TEXT, "endpoint": maybe(TEXT), "platforms": many(TEXT), "buildkit": maybe(TEXT)})
BUILDER = fields({"name": TEXT, "driver": TEXT, "nodes": many(NODE)})
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
    },
    engine=TEXT,
)
_UNKNOWN = fields(
    {
        "resource": words("daemon", "image store", "emulators", "builder", "apply"),
        "key": TEXT,
        "want": VALUE,
        "reason": TEXT,
    },
    engine=TEXT,
)
_AS_WANTED = fields({"resource": RESOURCE, "key": TEXT, "want": VALUE}, engine=TEXT)
_WOULD = fields({"resource": RESOURCE, "steps": many(STEP), "restarts": many(TEXT)}, engine=TEXT)
_EACH = many(fields({"endpoint": TEXT, "status": TEXT}, receipt=maybe(NUMBER), proof=maybe({"type": "object"})))

CHECK: dict[str, Schema] = {
    "duration_seconds": {"type": "number", "minimum": 0},
    "engine": maybe(ENGINE),
    "configuration": maybe(fields({"path": maybe(TEXT), "sha256": maybe(TEXT)})),
    "platforms": many(PLATFORM),
    "builder": maybe(BUILDER),
    "differences": many(_DRIFTED),
    "unknown": many(_UNKNOWN),
    "as_wanted": many(_AS_WANTED),
    "apply": many(_WOULD),
    "notes": many(TEXT),
    "repair": many(TEXT),
    "hold": maybe(HOLD),
    "interrupted": maybe(NUMBER),
}
_CHECK_WORDS = ("in-sync", "drifted", "blocked", "unknown", "interrupted")
_LAST_KNOWN = fields({"time": maybe(TIME), "differences": maybe(many(_DRIFTED))})
_MANIFEST = fields({"platform": TEXT, "digest": TEXT, "media_type": TEXT})
_PUSHED = fields({"reference": TEXT, "media_type": TEXT, "manifests": many(_MANIFEST), "left": maybe(TEXT)})
_CACHED = fields({"reference": TEXT, "platforms": many(fields({"platform": TEXT, "cached": YES}))})
_PULLED = fields({"platform": TEXT, "pulled": YES, "error": TEXT})
_TIMED = fields(
    {
        "platform": TEXT,
        "how": TEXT,
        "start_seconds": maybe(SECONDS),
        "compute_seconds": maybe(SECONDS),
        "start_times": maybe(SECONDS),
        "compute_times": maybe(SECONDS),
        "why": maybe(TEXT),
    }
)
_PROOF = fields({"index": TEXT, "platforms": many(PROVEN)})
_CPU = fields({"machine": TEXT, "native": many(TEXT)}, page_size=maybe(NUMBER), note=maybe(TEXT))
_OS = fields({"name": TEXT, "kernel": maybe(TEXT), "user": TEXT})
_DETECTED_ENGINE = fields(
    {
        "kind": TEXT,
        "title": TEXT,
        "version": TEXT,
        "ours": YES,
        "instead": maybe(TEXT),
        "image_store": TEXT,
        "storage_driver": TEXT,
        "configuration": maybe(fields({"path": TEXT, "exists": YES})),
        "flags": many(TEXT),
        "restarted_by": maybe(many(TEXT)),
        "containers": fields({"total": NUMBER, "running": NUMBER}),
        "images": NUMBER,
        "root": TEXT,
        "address": TEXT,
    }
)
_OTHER_ENGINE = fields(
    {"address": TEXT, "title": maybe(TEXT), "version": maybe(TEXT), "ours": YES, "note": TEXT, "counts": YES}
)
_ENTRY_OF_TABLE = fields({"name": TEXT, "interpreter": TEXT, "flags": TEXT, "enabled": YES})
_UNDO = fields({"kind": TEXT, "does": TEXT, "fate": words(*FATES)})
_WOULD_UNDO = fields({"number": NUMBER, "time": TEXT, "outcome": TEXT, "steps": many(_UNDO)})
_THING = fields({"does": TEXT, "fate": words(*FATES)})
_CAUSE = fields({"cause": TEXT, "cure": many(TEXT), "real": maybe(YES)})
_EXPLAINED = fields({"code": TEXT, "title": TEXT, "line": TEXT, "causes": many(_CAUSE)})
_FINDING = fields(
    {
        "state": words("failed", "drift", "blocked", "unknown"),
        "resource": TEXT,
        "key": TEXT,
        "have": TEXT,
        "want": TEXT,
        "cause": TEXT,
        "restarts": YES,
        "why": TEXT,
        "hint": TEXT,
        "hosts": NUMBER,
        "since": maybe(TIME),
    }
)
_HOST_STATES = ("failed", "cut off", "drift", "blocked", "unknown", "silent", "in sync")
_NOT_IN_SYNC = fields(
    {
        "name": TEXT,
        "id": TEXT,
        "state": words(*_HOST_STATES),
        "time": maybe(TIME),
        "findings": many(fields({"finding": NUMBER, "since": maybe(TIME)})),
        "hold": maybe(TEXT),
        "interrupted": YES,
    }
)


class Document(NamedTuple):
    """A command's document: the values of ``status`` besides failed, its fields, and those that it has sometimes."""

    statuses: tuple[str, ...]
    content: Mapping[str, Schema]
    sometimes: Mapping[str, Schema] = {}


# The document of a failed command has only the head. check and detect are exceptions: they report as much as they can.
DOCUMENTS: Mapping[str, Document] = {
    "check": Document(_CHECK_WORDS, CHECK, {"last_known": maybe(_LAST_KNOWN), "engines": _EACH}),
    "plan": Document(
        ("in-sync", "changes", "unknown", "interrupted"),
        {
            "changes": many(CHANGE),
            "notes": many(TEXT),
            "left_over": many(LEFT_OVER),
            "interrupted": maybe(NUMBER),
            "hold": maybe(HOLD),
        },
        {"engines": _EACH},
    ),
    "apply": Document(
        ("converged", "blocked"),
        {
            "changed": YES,
            "receipt": maybe(NUMBER),
            "recovered": maybe(NUMBER),
            "changes": many(CHANGE),
            "left": many(CHANGE),
            "missing": many(TEXT),
            "put_off": many(fields({"engine": TEXT, "resource": TEXT, "key": TEXT, "since": TIME, "reason": TEXT})),
            "proof": maybe(_PROOF),
        },
        {"engines": _EACH},
    ),
    "prove": Document(
        ("proven", "not-proven", "measured"),
        {"index": TEXT, "platforms": many(PROVEN)},
        {"image": TEXT, "pulled": many(_PULLED), "cache": _CACHED, "registry": _PUSHED, "times": many(_TIMED)},
    ),
    "detect": Document(
        ("ok",),
        {
            "cpu": _CPU,
            "os": _OS,
            "endpoint": fields({"address": TEXT, "source": TEXT}),
            "before_sudo": maybe(TEXT),
            "engine": maybe(_DETECTED_ENGINE),
            "engines": many(_OTHER_ENGINE),
            "emulators": fields({"binfmt_misc": maybe(TEXT), "namespaced": YES, "platforms": many(DETECTED)}),
            "registered": many(_ENTRY_OF_TABLE),
            "programs": table(maybe(TEXT)),
            "package_manager": maybe(TEXT),
            "builders": maybe(many(TEXT)),
            "buildkit": table(TEXT),
            "left_over": many(LEFT_OVER),
            "history": maybe(many(ENTRY)),
            "next": many(TEXT),
        },
    ),
    "history": Document(("ok",), {"entries": many(ENTRY)}),
    "rollback": Document(
        ("ok", "planned", "accepted"),
        {"undone": many(NUMBER)},
        {"would_undo": many(_WOULD_UNDO), "restarts": YES, "notes": many(TEXT), "accepted": NUMBER},
    ),
    "confirm": Document(("ok",), {"confirmed": maybe(NUMBER)}),
    "recover": Document(("ok",), {"undone": many(NUMBER)}),
    "remove": Document(
        ("ok", "planned"),
        {"undone": many(NUMBER), "left_over": many(TEXT)},
        {"plan": YES, "things": many(_THING), "notes": many(TEXT)},
    ),
    "setup": Document(("ok",), {}, {"written": many(TEXT), "removed": YES}),
    "hold": Document(("ok",), {"hold": HOLD}),
    "release": Document(("ok",), {"hold": maybe(HOLD)}),
    "validate": Document(("valid", "invalid"), {"valid": YES, "problems": many(PROBLEM)}),
    "explain": Document(("recognized", "unknown"), {"errors": many(_EXPLAINED)}),
    "report": Document(
        ("ok", "found"),
        {
            "silent_after_seconds": NUMBER,
            "results": NUMBER,
            "hosts": NUMBER,
            "missing": NUMBER,
            "states": table(NUMBER),
            "findings": many(_FINDING),
            "builds": many(
                fields({"platform": TEXT, "how": TEXT, "node": maybe(TEXT), "endpoint": maybe(TEXT), "hosts": NUMBER})
            ),
            "not_in_sync": many(_NOT_IN_SYNC),
            "problems": many(fields({"kind": TEXT, "count": NUMBER, "places": many(TEXT)})),
        },
    ),
}


def document(command: str) -> Schema:
    """Return the schema of the document that a command prints, for success and failure."""
    statuses, content, sometimes = DOCUMENTS[command]
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
        "properties": {**head, **host, **content, **sometimes},
        "if": failed,
        "then": {"properties": {"error": ERROR}, **(answer if command == "check" else {})},
        "else": answer,
    }
