"""The version of the engine's API that we request, and the errors in answers that began well.

Without a version, an engine uses its newest API.
"""

from provisioner.engine.info import Engine
from provisioner.typed import Any

WANTED, SINCE = "/v1.44", (25,)  # the oldest API that Engine 29 still supports, and the first engine that supports it


def prefix(found: Engine) -> str:
    """Return the prefix of an API path. It is empty if the engine is older or does not report its version."""
    return WANTED if found.version is not None and found.version >= SINCE else ""


def failure(answer: Any) -> str:
    """Return why a pull, an import or a load failed; empty if it did not.

    ``answer`` is one JSON object, or text with one in each line. The status of such an answer is 200 in any case. The
    newest API no longer promises the older field ``error``.
    """
    for said in [answer] if isinstance(answer, dict) else map(_line, str(answer).splitlines()):
        detail = said.get("errorDetail")
        if found := (detail.get("message") if isinstance(detail, dict) else detail) or said.get("error"):
            return str(found)
    return ""


def _line(text: str) -> dict[str, Any]:
    """Return one line of an answer; empty if the line is cut off."""
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
