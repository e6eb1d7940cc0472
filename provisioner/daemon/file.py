"""Read daemon.json as the earlier changes of the plan leave it, up to a maximum length, and list its keys."""

from collections.abc import Mapping

from provisioner.daemon.keys import Path
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError
from provisioner.model import Reader, Value
from provisioner.text import json_read, plain_json
from provisioner.typed import Any

NO_MARKS = (0,)  # programs other than dockerd accept no byte order mark
LIMIT = 4 << 20  # bytes; the longest known daemon.json has 8 KB


def text(host: Reader, facts: Facts) -> str | None:
    """Return the text of daemon.json, or None if there is no file.

    Raises: ConfigError if the file is too long for a daemon.json. The rest of it is not read.
    """
    if facts.planned is not None:
        return facts.planned
    data = host.head(facts.daemon_json, LIMIT + 1)
    if data is None:
        return None
    if len(data) > LIMIT:
        line, column = data.count(b"\n") + 1, len(data) - data.rfind(b"\n") - 1
        where = f"more than {LIMIT >> 20} MiB, read as far as line {line}, column {column}"
        raise ConfigError(f"{facts.daemon_json}: {where}", hint="this is not a daemon.json: move it away")
    return data.decode("utf-8", "surrogateescape")


def load(host: Reader, facts: Facts, *along: Path) -> dict[str, Any]:
    """Parse daemon.json. ``along`` names the keys that will be changed.

    Raises: ConfigError if the file is invalid or cannot be edited.
    """
    marks = NO_MARKS if facts.layout.closed else facts.engine.version
    return json_read.load(text(host, facts) or "", facts.daemon_json, along, marks)


def leaves(found: Mapping[str, Any], above: Path = ()) -> list[tuple[Path, Any]]:
    """Return every value with its path of keys. A list counts as a value, and so does an empty object."""
    every: list[tuple[Path, Any]] = []
    for key, value in found.items():
        inner = isinstance(value, dict) and value
        every += leaves(value, (*above, key)) if inner else [((*above, key), value)]
    return every


def flat(value: Any) -> Value:
    """Return a value that can be compared and printed. Lists and objects become JSON."""
    return value if isinstance(value, bool | int | str | None) else plain_json.dumps(value, sort_keys=True)
