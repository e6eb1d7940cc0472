"""Read values that may be damaged or odd: our own caches, and texts of other programs.

Only ``shallow`` raises an error.
"""

from collections.abc import Iterable

from provisioner.text import plain_json
from provisioner.typed import Any

DEEPEST = 100  # objects and lists within each other; a function that calls itself fails at several hundred
DIGITS = 18  # of a number that we take; Python refuses to read one of more than 4300


def mapping(text: str | None) -> dict[str, Any]:
    """Return the object in a JSON text. It is empty if there is no text, or if the text is anything else."""
    try:
        found = shallow(plain_json.loads(text or "{}"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def shallow(found: Any) -> Any:
    """Return what a parser has made of a text.

    Raises: RecursionError if it is nested more deeply than anything that people or programs write.
    """
    level = [found]
    for _ in range(DEEPEST + 1):
        level = [below for one in level if isinstance(one, dict | list) for below in _inside(one)]
        if not level:
            return found
    raise RecursionError


def _inside(found: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return found.values() if isinstance(found, dict) else found


def strings(found: Any) -> tuple[str, ...]:
    """Return a list of strings, without what is none. Any other type gives an empty tuple."""
    return tuple(v for v in found if isinstance(v, str)) if isinstance(found, list) else ()


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
