"""Read texts as Go's standard library does: JSON into fields of known types, base64, and times.

docker and buildx are written in Go. Where they take a text that Python refuses, or the other way round, they are right.
Sources: encoding/json (Unmarshal), encoding/base64 (StdEncoding), time (Parse with RFC3339).
"""

import binascii
from collections.abc import Mapping

from provisioner.text import plain_json
from provisioner.typed import Any

TRUE = ("1", "t", "T", "TRUE", "true", "True")  # of strconv.ParseBool, on a command line and in a variable
FALSE = ("0", "f", "F", "FALSE", "false", "False")
DIGITS = "0123456789"
MOMENT = "0000-00-00T00:00:00"  # without fractions and zone; a zero stands for any digit
ZONE = "00:00"
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Pairs(tuple[tuple[str, Any], ...]):
    """A JSON object: its names and values, in the order of the text. A name may be there twice."""

    __slots__ = ()


def loads(text: str) -> Any:
    """Return the value in a JSON text, with Pairs for its objects.

    Raises: ValueError, RecursionError.
    """
    return plain_json.loads(text, object_pairs_hook=Pairs, parse_constant=_no_constant)


def first(text: str) -> Any:
    """Return the value at the start of a text, as Go's decoder of a stream does.

    Raises: ValueError, RecursionError.
    """
    return plain_json.first(text, object_pairs_hook=Pairs)


def fields(found: Any, kinds: Mapping[str, type], *, lenient: bool = False) -> dict[str, Any]:
    """Return the fields of a struct, each of which has a type. Fields that are missing or null are empty.

    Go reads a name in any mixture of capitals and small letters, and takes the last of several. ``lenient``: a field
    with another type is empty, as for a program that warns of the error and goes on.

    Raises: ValueError if a field has another type.
    """
    made = {name: kind() for name, kind in kinds.items()}
    known = {name.casefold(): name for name in kinds}
    for name, value in () if found is None else typed(found, Pairs):
        field = known.get(name.casefold())
        if field is None or value is None or (lenient and not isinstance(value, kinds[field])):
            continue
        made[field] = typed(value, kinds[field])
    return made


def words(found: Any) -> dict[str, str]:
    """Return an object whose values are texts. Its names count as they are spelled.

    Raises: ValueError if it is not an object, or a value is not a text.
    """
    pairs = () if found is None else typed(found, Pairs)
    return {name: "" if value is None else typed(value, str) for name, value in pairs}


def typed(value: Any, kind: type) -> Any:
    """Return a value that has a type.

    Raises: ValueError if it has another one.
    """
    if not isinstance(value, kind):
        raise ValueError(f"not of the type {kind.__name__}")
    return value


def decoded(text: str) -> bytes:
    """Return what a text in base64 stands for. Ends of lines do not count.

    Raises: ValueError if it is not base64.
    """
    return binascii.a2b_base64(text.replace("\n", "").replace("\r", ""), strict_mode=True)


def moment(text: str) -> bool:
    """Return whether a text is a time as in RFC 3339."""
    stem, rest = text[: len(MOMENT)], text[len(MOMENT) :]
    if not _like(stem, MOMENT):
        return False
    year, month, day = int(stem[:4]), int(stem[5:7]), int(stem[8:10])
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= len(DAYS) or not 1 <= day <= DAYS[month - 1] + leap:
        return False
    if stem[11:13] > "23" or stem[14:16] > "59" or stem[17:19] > "59":
        return False
    if rest[:1] in (".", ","):
        shorter = rest[1:].lstrip(DIGITS)
        rest = "" if shorter == rest[1:] else shorter
    return rest == "Z" or (rest[:1] in ("+", "-") and _like(rest[1:], ZONE) and rest[1:3] < "24" and rest[4:6] < "60")


def _like(text: str, layout: str) -> bool:
    """Return whether a text has digits where a layout has zeros, and is the same elsewhere."""
    pairs = zip(text, layout, strict=False)
    return len(text) == len(layout) and all(c in DIGITS if form == "0" else c == form for c, form in pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
