"""Read and write JSON as ``json`` does, for modules that a drift check imports.

``json`` imports ``re`` and ``enum`` and compiles six regular expressions, a tenth of a check. Its scanner, written in
C, needs none of them. The rest of ``json`` is imported for what the scanner refuses, and to write.
"""

from _json import make_scanner
from collections.abc import Callable

from provisioner.typed import Any

BLANKS = " \t\n\r"
CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class Options:
    """The fields that the scanner reads. They have the names and the meaning of the arguments of ``json.loads``."""

    strict = True
    object_hook = None
    array_hook = None  # Python 3.15
    parse_int = int

    def __init__(self, pairs: Callable[[list[tuple[str, Any]]], Any] | None, number: Any, constant: Any) -> None:
        self.object_pairs_hook = pairs
        self.parse_float = number
        self.parse_constant = constant


def loads(
    text: str | bytes,
    *,
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
    parse_float: Callable[[str], Any] = float,
    parse_constant: Callable[[str], Any] = CONSTANTS.__getitem__,
) -> Any:
    """Return the value in a JSON text.

    Raises: ValueError (json.JSONDecodeError if it is not JSON), RecursionError.
    """
    options = Options(object_pairs_hook, parse_float, parse_constant)
    try:
        body = text if isinstance(text, str) else _decoded(text)
        scan = make_scanner(options)  # type: ignore[arg-type]  # any object with these fields serves
        found, end = scan(body, len(body) - len(body.lstrip(BLANKS)))
        if not body[end:].strip(BLANKS):
            return found
    except (StopIteration, UnicodeDecodeError):
        pass
    import json  # it knows other encodings, and says what is wrong where

    return json.loads(text, object_pairs_hook=object_pairs_hook, parse_float=parse_float, parse_constant=parse_constant)


def first(text: str, *, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the value at the start of a text, and ignore everything after it, as Go's decoder of a stream does.

    Raises: ValueError (json.JSONDecodeError if no value starts there), RecursionError.
    """
    text = text.lstrip(BLANKS)
    try:
        found, _ = make_scanner(Options(object_pairs_hook, float, CONSTANTS.__getitem__))(text, 0)  # type: ignore[arg-type]
    except StopIteration:
        import json

        found, _ = json.JSONDecoder(object_pairs_hook=object_pairs_hook).raw_decode(text)
    return found


def _decoded(text: bytes) -> str:
    """Decode UTF-8. Raises: UnicodeDecodeError, also if the text looks like UTF-16."""
    if b"\0" in text:
        raise UnicodeDecodeError("utf-8", text, text.index(b"\0"), len(text), "no character of a JSON text")
    return text.decode("utf-8", "surrogatepass")


def dumps(value: Any, **options: Any) -> str:
    """Return a value as a JSON text. The options are those of ``json.dumps``."""
    import json

    return json.dumps(value, **options)
