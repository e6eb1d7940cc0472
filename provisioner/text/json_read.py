"""Read a JSON text that a person or a tool wrote: its content, and its errors with their positions.

dockerd reads daemon.json with Go's decoder, so this module accepts what Go's decoder accepts.
"""

import functools

from provisioner import secrets
from provisioner.errors import ConfigError
from provisioner.text import byte_order, plain_json, tolerant
from provisioner.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from json import JSONDecodeError

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
    except RecursionError:
        raise ConfigError(f"{path}: it is nested too deeply", hint=DEEP) from None
    except ValueError as e:
        raise _refusal(body, path, e) from None
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

    found = tolerant.shallow(plain_json.loads(body, object_pairs_hook=last, parse_constant=_no_constant))
    if secrets.suspicious(body):
        secrets.learn(found)
    return found, twice


def leaf(found: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """Return the value at the end of a path of keys, or None if there is none."""
    here: Any = found
    for key in keys:
        here = here.get(key) if isinstance(here, dict) else None
    return here


def _refusal(body: str, path: str, e: ValueError) -> ConfigError:
    from json import JSONDecodeError

    if isinstance(e, JSONDecodeError):
        return ConfigError(f"{path}: {_complaint(e)}", hint=_advice(body, e.pos))
    return ConfigError(f"{path}: {e} is not valid JSON", hint=REFUSED)


def _complaint(e: "JSONDecodeError") -> str:
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
    import re

    head = body[:2000].lstrip()
    found = next((advice for sign, advice in OTHERS if re.match(sign, head, re.IGNORECASE)), "")
    braces = re.compile(_BRACES)
    unfilled = braces.match(body, at) or braces.match(body, max(0, at - 1))
    return found or (TEMPLATE if unfilled else REFUSED)


def _refuse_doubles(body: str, path: str, along: tuple[tuple[str, ...], ...]) -> None:
    from provisioner.text import json_places

    for keys, at in json_places.doubles(body, json_places.skip(body, 0)):
        if any(leaf[: len(keys)] == keys or keys[: len(leaf)] == leaf for leaf in along):
            line, column = json_places.place(body, at)
            where = f"line {line}, column {column}"
            hint = "keep the one that is meant"
            raise ConfigError(f"{path}: the key {keys[-1]!r} stands there twice, again at {where}", hint=hint)


def _no_constant(name: str) -> Any:
    raise ValueError(name)
