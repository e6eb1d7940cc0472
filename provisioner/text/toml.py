"""Write TOML for buildkitd, and flatten TOML so that two texts can be compared by their content.

The standard library can read TOML but not write it. Debian packages a writer, but each host would then need one more
package for this single mapping of strings, booleans, numbers, lists and tables.
"""

from collections.abc import Iterator, Mapping

from provisioner import secrets
from provisioner.errors import ConfigError
from provisioner.text import plain_json, tolerant
from provisioner.typed import Any

_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
PARTS, LONGEST = 64, 256 << 10  # of a name, and bytes of a text; the library's memory grows with the square of a name
_ENDLESS = rf"""(?:(?:(?<![\w-])[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{PARTS}}}"""


def write(found: Mapping[str, Any], path: str = "") -> str:
    """Write a mapping as TOML. Values: str, bool, int, float, lists of these, lists of mappings, mappings."""
    lines, tables = [], []
    for key, value in found.items():
        name = f"{path}.{_key(key)}" if path else _key(key)
        if isinstance(value, Mapping):
            body = write(value, name)
            plain = any(not _nested(v) for v in value.values())
            tables.append(f"[{name}]\n{body}" if plain or not value else body)
        elif _nested(value):
            tables += [f"[[{name}]]\n{write(entry, name)}" for entry in value]
        else:
            lines.append(f"{_key(key)} = {_value(value)}\n")
    return "".join([*lines, *(table if table.startswith("\n") else f"\n{table}" for table in tables)])


def read(text: str, name: str) -> dict[str, Any]:
    """Return the mapping in a TOML text.

    Raises: ConfigError if the text is not valid TOML, or is larger or more deeply nested than anybody's configuration.
    """
    import re
    import tomllib  # takes 4 ms, which a check without a buildkitd.toml saves

    hint = "correct it, or move it away"
    if len(text) > LONGEST or re.search(_ENDLESS, text):
        what = f"it has more than {LONGEST >> 10} KiB, or a name of more than {PARTS} parts"
        raise ConfigError(f"{name}: {what}", hint=hint)
    try:
        found: dict[str, Any] = tolerant.shallow(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, UnicodeError) as e:
        raise ConfigError(f"{name}: this is not valid TOML: {e}", hint=hint) from None
    except RecursionError:
        raise ConfigError(f"{name}: it is nested too deeply", hint=hint) from None
    if secrets.suspicious(text):
        secrets.learn(found)
    return found


def leaves(found: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, bool | int | str]]:
    """Yield every value with its dotted path. A list has an order, so it is one value, as JSON."""
    for key, value in found.items():
        name = f"{path}.{_key(key)}" if path else _key(key)
        if isinstance(value, Mapping):
            yield from leaves(value, name)
        elif isinstance(value, bool | int | str):
            yield name, value
        else:
            yield name, plain_json.dumps(value, sort_keys=True, default=str)


def _nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(v, Mapping) for v in value))


def _key(key: str) -> str:
    return key if key and _BARE.issuperset(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool | int | float):
        return plain_json.dumps(value)
    return plain_json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
