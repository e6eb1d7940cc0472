"""Read values that may be damaged or odd: our own caches, and texts of other programs. Nothing here raises an error."""

import json

from provisioner.typed import Any

DIGITS = 18  # of a number that we take; Python refuses to read one of more than 4300


def mapping(text: str | None) -> dict[str, Any]:
    """Return the object in a JSON text. It is empty if there is no text, or if the text is anything else."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def number(text: str) -> int | None:
    """Return the number that ASCII digits stand for, or None. ``str.isdigit`` also accepts digits that int refuses."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else None


def encoded(text: str) -> bytes:
    """Return a text as UTF-8. Bytes of a file that were no UTF-8 stay as they were.

    Half of a UTF-16 pair, which JSON can hold, becomes a replacement character, as in Go.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
