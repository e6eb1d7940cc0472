"""Change one value of a JSON text and keep every other byte of it.

dockerd reads daemon.json with Go's decoder. A person or a tool wrote the file in an order and layout of their own. So
``put`` and ``drop`` never rewrite the whole text: they cut one span out and insert another.
"""

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # exists in every Python since 2.6, but in no stub

from provisioner.errors import ProvisionerError
from provisioner.text import byte_order
from provisioner.text.json_places import Member, members_of, skip
from provisioner.text.json_read import parse
from provisioner.typed import Any


class EditError(ProvisionerError):
    """An edit would have changed a text in an unintended way."""


def put(text: str, keys: tuple[str, ...], value: Any) -> str:
    """Return the text with a value set. Missing objects on the way to it are created. ``load`` must accept the text.

    Raises:
        EditError: the result does not hold the previous content plus the value, so it must not be written.
    """
    mark, body = byte_order.unwrap(text, "")
    return byte_order.wrap(mark, _checked(body, _put(body, keys, value), keys, value))


def drop(text: str, keys: tuple[str, ...]) -> str:
    """Return the text without a value, and without objects that become empty. A missing value changes nothing.

    Raises:
        EditError: the result does not hold the previous content minus the value, so it must not be written.
    """
    mark, body = byte_order.unwrap(text, "")
    return byte_order.wrap(mark, _checked(body, _drop(body, keys), keys, None, without=True))


def _checked(before: str, after: str, keys: tuple[str, ...], value: Any, *, without: bool = False) -> str:
    """Parse an edited text and return it if it holds exactly the intended content.

    Raises: EditError if it holds anything else.
    """
    old = parse(before)[0] if before.strip(" \t\r\n") else None
    try:
        found = parse(after)[0] if after.strip(" \t\r\n") else None
    except (ValueError, RecursionError):
        found = ...
    meant = _without(old, keys) if without else _with(old, keys, value)
    if found is ... or not _same(found, meant):
        hint = "set it yourself, and report the layout of this file"
        raise EditError(f"{'.'.join(keys)} cannot be edited in this text without changing something else", hint=hint)
    return after


def _with(found: Any, keys: tuple[str, ...], value: Any) -> Any:
    if not keys:
        return value
    here = found if isinstance(found, dict) else {}
    return {**here, keys[0]: _with(here.get(keys[0]), keys[1:], value)}


def _without(found: Any, keys: tuple[str, ...]) -> Any:
    """Return an object without a key, and without objects that become empty."""
    if not isinstance(found, dict) or keys[0] not in found:
        return found
    below = _without(found[keys[0]], keys[1:]) if len(keys) > 1 else None
    gone = len(keys) == 1 or (below == {} and found[keys[0]] != {})
    rest = {k: v for k, v in found.items() if k != keys[0]}
    return rest if gone else {**rest, keys[0]: below}


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, where True is not equal to 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(v, other[k]) for k, v in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


def _put(text: str, keys: tuple[str, ...], value: Any) -> str:
    if not text.strip(" \t\r\n") or text.strip(" \t\r\n") == "null":
        for key in reversed(keys):
            value = {key: value}
        return json.dumps(value, indent=2) + "\n"
    start = skip(text, 0)
    for depth, key in enumerate(keys):
        members, close = members_of(text, start)
        member = next((m for m in members if m.key == key), None)
        rest = keys[depth + 1 :]
        if member is None:
            return _insert(text, start, members, close, key, rest, value)
        if not rest or text[member.value] != "{":
            return text[: member.value] + _nested(rest, value, text, member.start) + text[member.end :]
        start = member.value
    raise AssertionError("a leaf has at least one key")


def _drop(text: str, keys: tuple[str, ...]) -> str:
    spans: list[tuple[int, list[Member], int]] = []
    start = skip(text, 0)
    for depth, key in enumerate(keys, 1):
        if text[start : start + 1] != "{":
            return text
        members, _ = members_of(text, start)
        index = next((i for i, m in enumerate(members) if m.key == key), None)
        if index is None:
            return text
        spans.append((start, members, index))
        start = members[index].value
        if text[start] != "{" and depth < len(keys):
            return text
    while len(spans) > 1 and len(spans[-1][1]) == 1:
        spans.pop()
    start, members, index = spans[-1]
    member = members[index]
    if index:
        return text[: members[index - 1].end] + text[member.end :]
    if len(members) > 1:
        return text[: member.start] + text[members[1].start :]
    return text[: start + 1] + text[skip(text, member.end) :]


def _insert(
    text: str, start: int, members: list[Member], close: int, key: str, rest: tuple[str, ...], value: Any
) -> str:
    """Add a member at the end of an object, in the layout of the members before it."""
    if not members:
        outer = _indent(text, start)
        gap = _newline(text) + outer + _unit(text)
        new = f"{json.dumps(key)}: {_nested_at(rest, value, gap, _unit(text))}"
        return text[: start + 1] + gap + new + _newline(text) + outer + text[close:]
    last = members[-1]
    before, after = _separator(text, start, members)
    colon = text[scanstring(text, last.start + 1, True)[1] : last.value]
    broken = after if "\n" in after else before
    if "\n" in broken:
        new = _nested_at(rest, value, broken, _unit(text))
    else:
        new = _nested_flat(rest, value)
        after = after or (" " if ", " in text or ": " in text else "")
    return f"{text[: last.end]}{before},{after}{json.dumps(key)}{colon}{new}{text[last.end :]}"


def _separator(text: str, start: int, members: list[Member]) -> tuple[str, str]:
    """Return the white space before and after the last comma of an object. In some files, the comma starts the line."""
    between = text[members[-2].end if len(members) > 1 else start + 1 : members[-1].start]
    before, _, after = between.rpartition(",")
    one, two = (_newline(text) + w.rpartition("\n")[2] if "\n" in w else w for w in (before, after))
    return one, two


def _nested(rest: tuple[str, ...], value: Any, text: str, at: int) -> str:
    gap = _newline(text) + _indent(text, at)
    return _nested_at(rest, value, gap, _unit(text)) if "\n" in text else _nested_flat(rest, value)


def _nested_flat(rest: tuple[str, ...], value: Any) -> str:
    for key in reversed(rest):
        value = {key: value}
    return json.dumps(value)


def _nested_at(rest: tuple[str, ...], value: Any, gap: str, unit: str) -> str:
    """Write a value under further keys on separate lines. ``gap`` is the line break and indentation of its member."""
    if not rest:
        return json.dumps(value)
    inner = _nested_at(rest[1:], value, gap + unit, unit)
    return f"{{{gap}{unit}{json.dumps(rest[0])}: {inner}{gap}}}"


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _indent(text: str, at: int) -> str:
    """Return the indentation of the line that contains ``at``."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str) -> str:
    """Return one level of this text's indentation, taken from its first indented line. The default is two spaces."""
    found = re.search(r"\n([ \t]+)\S", text)
    return found.group(1) if found else "  "
