"""The positions of the members of a JSON text that has been parsed before: for edits, and for errors."""

import json
from collections.abc import Iterator
from json.decoder import (  # type: ignore[attr-defined]  # exist in every Python since 2.6, but in no stub
    WHITESPACE,
    scanstring,
)

from provisioner.typed import NamedTuple

_DECODER = json.JSONDecoder()


class Member(NamedTuple):
    """The position of one member of an object, from its key to the end of its value."""

    key: str
    start: int
    value: int
    end: int


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


def doubles(text: str, start: int, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield every key that appears twice in its object, with its path and the position of the second occurrence."""
    seen = set()
    for member in members_of(text, start)[0]:
        if member.key in seen:
            yield (*above, member.key), member.start
        seen.add(member.key)
        if text[member.value] == "{":
            yield from doubles(text, member.value, (*above, member.key))


def skip(text: str, at: int) -> int:
    """Return the position of the next character that is not blank."""
    end: int = WHITESPACE.match(text, at).end()
    return end


def place(text: str, at: int) -> tuple[int, int]:
    """Return the line and column of an offset. Both count from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
