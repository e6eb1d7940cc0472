"""Read a JSON text that a person or a tool wrote: its content, its errors with their positions, its members' positions.

dockerd reads daemon.json with Go's decoder, so this module accepts what Go's decoder accepts.
"""

import functools
import json
import re
from collections.abc import Iterator
from json.decoder import (  # type: ignore[attr-defined]  # exist in every Python since 2.6, but in no stub
    WHITESPACE,
    scanstring,
)

from provisioner import secrets
from provisioner.errors import ConfigError
from provisioner.text import byte_order, tolerant
from provisioner.typed import Any, NamedTuple

MARKS = (23,)  # the first engine that accepts a byte order mark
REFUSED = "dockerd would refuse it, too"
_TOOLS = "(?:ansible|puppet|chef|salt|cfengine|cloud-init|terraform)"
MARKER = (
    rf"\b(?:{_TOOLS}[ _-]?managed|(?:managed|maintained|controlled)[ _-]by|generated[ _-]by[ _-]{_TOOLS}|do not edit)\b"
)
DEEP = "see what wrote it: no key that an engine knows is nested like that"
TEMPLATE = "it is a template that was never filled in; fill it in first"
# Texts that were never JSON: how they start, and what to do about them.
OTHERS = (
    (
        r"\$ANSIBLE_VAULT|age-encryption|-----BEGIN |\0GITCRYPT|VimCrypt~",
        "it is encrypted; whoever brings it here has to decrypt it first",
    ),
    (r"\{\{|\{%|<%|[^\n]*\$\{", TEMPLATE),
    (
        rf"(?:\{{\s*)?(?://|/\*|#|;)(?:[^\n]*\n\s*[#/*;])*?[^\n]*{MARKER}",
        "configuration management wrote it; put it right there",
    ),
    (r"<(!|html)", "it is a page, not a configuration; fetch it again"),
)

_BRACES = r'(?<!")\{[{%]'  # not the start of a string: Docker's own options have templates in them
_DECODER = json.JSONDecoder()


class Member(NamedTuple):
    """The position of one member of an object, from its key to the end of its value."""

    key: str
    start: int
    value: int
    end: int


def load(
    text: str, path: str, along: tuple[tuple[str, ...], ...] = (), version: tuple[int, ...] | None = None
) -> dict[str, Any]:
    """Return the object in a daemon.json. As in dockerd, a file that is empty or null holds an empty object.

    A duplicate key on the path to one of the values ``along`` is an error. dockerd merges duplicate objects and uses
    the last of any other value, so an edit of one duplicate might change nothing, or too much. Elsewhere the last value
    counts. ``version`` is the version of the engine, if known.

    Raises: ConfigError with line and column.
    """
    mark, body = byte_order.unwrap(text, path)
    if mark and version is not None and version < MARKS:
        hint = "save it as UTF-8 without one"
        raise ConfigError(f"{path}: a byte order mark at line 1, column 1, which this engine refuses", hint=hint)
    if not body.strip(" \t\r\n"):
        return {}
    try:
        found, twice = parse(body)
    except json.JSONDecodeError as e:
        raise ConfigError(f"{path}: {_complaint(e)}", hint=_advice(body, e.pos)) from None
    except RecursionError:
        raise ConfigError(f"{path}: it is nested too deeply", hint=DEEP) from None
    except ValueError as e:
        raise ConfigError(f"{path}: {e} is not valid JSON", hint=REFUSED) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: it holds no JSON object at line 1, column 1", hint=REFUSED)
    if twice:
        _refuse_doubles(body, path, along)
    return found


@functools.lru_cache(maxsize=4)
def parse(body: str) -> tuple[Any, bool]:
    """Parse a JSON text. The result is cached and must not be changed.

    A plan reads daemon.json a dozen times, and the file may hold a megabyte.

    Returns: the content, and whether any object contains a key twice.
    Raises: ValueError, RecursionError.
    """
    twice = False

    def last(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        found = dict(pairs)
        twice = twice or len(found) != len(pairs)
        return found

    found = tolerant.shallow(json.loads(body, object_pairs_hook=last, parse_constant=_no_constant))
    if secrets.suspicious(body):
        secrets.learn(found)
    return found, twice


def leaf(found: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """Return the value at the end of a path of keys, or None if there is none."""
    here: Any = found
    for key in keys:
        here = here.get(key) if isinstance(here, dict) else None
    return here


def _complaint(e: json.JSONDecodeError) -> str:
    """Return what is wrong and where. Engines before 23 read the first of two documents and ignore the rest."""
    where = f"line {e.lineno}, column {e.colno}"
    if e.msg == "Extra data":
        second = e.doc[e.pos : e.pos + 1] == "{"
        return f"a second document at {where}" if second else f"extra data at {where}"
    return f"{e.msg.lower()} at {where}"


def _advice(body: str, at: int) -> str:
    """Return what to do about a text that is not JSON. The most frequent causes have their own advice.

    A template fails ``at`` its first braces outside of a string, or between them.
    """
    head = body[:2000].lstrip()
    found = next((advice for sign, advice in OTHERS if re.match(sign, head, re.IGNORECASE)), "")
    braces = re.compile(_BRACES)
    unfilled = braces.match(body, at) or braces.match(body, max(0, at - 1))
    return found or (TEMPLATE if unfilled else REFUSED)


def _refuse_doubles(body: str, path: str, along: tuple[tuple[str, ...], ...]) -> None:
    for keys, at in _doubles(body, skip(body, 0), ()):
        if any(leaf[: len(keys)] == keys or keys[: len(leaf)] == leaf for leaf in along):
            line, column = place(body, at)
            where = f"line {line}, column {column}"
            hint = "keep the one that is meant"
            raise ConfigError(f"{path}: the key {keys[-1]!r} stands there twice, again at {where}", hint=hint)


def _doubles(text: str, start: int, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield every key that appears twice in its object, with its path and the position of the second occurrence."""
    seen = set()
    for member in members_of(text, start)[0]:
        if member.key in seen:
            yield (*above, member.key), member.start
        seen.add(member.key)
        if text[member.value] == "{":
            yield from _doubles(text, member.value, (*above, member.key))


def place(text: str, at: int) -> tuple[int, int]:
    """Return the line and column of an offset. Both count from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def skip(text: str, at: int) -> int:
    end: int = WHITESPACE.match(text, at).end()
    return end


def members_of(text: str, start: int) -> tuple[list[Member], int]:
    """Return the members of the object whose brace is at ``start``, and the position of its closing brace."""
    members: list[Member] = []
    at = skip(text, start + 1)
    while text[at] != "}":
        begin = at
        key, at = scanstring(text, at + 1, True)
        value = skip(text, skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, value)
        members.append(Member(key, begin, value, end))
        at = skip(text, end)
        if text[at] == ",":
            at = skip(text, at + 1)
    return members, at
