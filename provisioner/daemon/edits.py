"""The steps that set keys of daemon.json, and the resulting text."""

from typing import Any

from provisioner.daemon import file
from provisioner.daemon.keys import Path
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.steps import Step
from provisioner.steps.files import MakeDirectory, SetLeaf
from provisioner.text import json_edit


def steps(host: Reader, facts: Facts, wanted: dict[Path, Any]) -> list[Step]:
    """Return the steps that set exactly these keys to their values. None removes a key."""
    path, made = facts.daemon_json, list[Step]()
    folder = path.rpartition("/")[0]
    if facts.planned is None and host.stat(folder) is None:
        made.append(MakeDirectory(folder))
    before = file.text(host, facts)
    for keys, value in wanted.items():
        after = json_edit.drop(before or "{}", keys) if value is None else json_edit.put(before or "", keys, value)
        made.append(SetLeaf(path, keys, value, before, after))
        before = after
    return made


def after(steps: tuple[Step, ...], path: str) -> str | None:
    """Return the text of a file after some steps, or None if no step changes it."""
    texts = [s.after for s in steps if isinstance(s, SetLeaf) and s.path == path]
    return texts[-1] if texts else None
