"""daemon.json as the changes before this one leave it, read no further than a configuration can be long."""

from typing import Any

from provisioner import jsontext
from provisioner.acts import MakeDirectory, SetLeaf, Step
from provisioner.errors import ConfigError
from provisioner.facts import Facts
from provisioner.model import Reader

LIMIT = 4 << 20  # bytes; the longest one that was ever seen has 8 KB

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
    return jsontext.load(text(host, facts) or "", facts.daemon_json, along, facts.engine.version)


def edits(host: Reader, facts: Facts, leaves: dict[Keys, Any]) -> list[Step]:
    """The steps that give each leaf its value (None: take it away), and nothing else."""
    path, steps = facts.daemon_json, list[Step]()
    folder = path.rpartition("/")[0]
    if facts.planned is None and host.stat(folder) is None:
        steps.append(MakeDirectory(folder))
    before = text(host, facts)
    for keys, value in leaves.items():
        after = jsontext.drop(before or "{}", keys) if value is None else jsontext.put(before or "", keys, value)
        steps.append(SetLeaf(path, keys, value, before, after))
        before = after
    return steps


def after(steps: tuple[Step, ...], path: str) -> str | None:
    """The text that some steps leave; None: none of them changes it."""
    texts = [s.after for s in steps if isinstance(s, SetLeaf) and s.path == path]
    return texts[-1] if texts else None
