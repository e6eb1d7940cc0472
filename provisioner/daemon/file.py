"""daemon.json as the changes before this one leave it, read no further than a configuration can be long; its leaves."""

import json
from collections.abc import Mapping

from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError
from provisioner.model import Reader, Value
from provisioner.text import json_read
from provisioner.typed import Any

NO_MARKS = (0,)  # what is no daemon.json is read by programs that take no byte order mark
LIMIT = 4 << 20  # bytes; the longest one that was ever seen has 8 KB
EFFECT = " in effect"  # after a leaf's name: what the engine shows of it

Keys = tuple[str, ...]


def text(host: Reader, facts: Facts) -> str | None:
    """The text; None: no file. ConfigError: it is longer than any daemon.json, and is not read any further."""
    if facts.planned is not None:
        return facts.planned
    data = host.head(facts.daemon_json, LIMIT + 1)
    if data is None:
        return None
    if len(data) > LIMIT:
        line, column = data.count(b"\n") + 1, len(data) - data.rfind(b"\n") - 1
        where = f"more than {LIMIT >> 20} MiB, read as far as line {line}, column {column}"
        raise ConfigError(f"{facts.daemon_json}: {where}", hint="that is no daemon.json; move it away")
    return data.decode("utf-8", "surrogateescape")


def load(host: Reader, facts: Facts, *along: Keys) -> dict[str, Any]:
    """What it holds; the leaves ``along`` will be changed. ConfigError: it cannot be taken as it is."""
    marks = NO_MARKS if facts.layout.closed else facts.engine.version
    return json_read.load(text(host, facts) or "", facts.daemon_json, along, marks)


def leaves(found: Mapping[str, Any], above: Keys = ()) -> list[tuple[Keys, Any]]:
    """Every leaf with its path. A list is a leaf, an object only when it is empty."""
    every: list[tuple[Keys, Any]] = []
    for key, value in found.items():
        inner = isinstance(value, dict) and value
        every += leaves(value, (*above, key)) if inner else [((*above, key), value)]
    return every


def name(keys: Keys) -> str:
    """What a person calls a leaf."""
    return ".".join(keys)


def flat(value: Any) -> Value:
    """A value that can be compared and printed; of what has parts, its JSON."""
    return value if isinstance(value, bool | int | str | None) else json.dumps(value, sort_keys=True)
