"""Whose a setting was before a run, by the record of settings that each run keeps.

The record names the settings that are ours, each with the value that somebody else had given it (``memory.owned``).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from provisioner.engine import memory
from provisioner.model import Reader
from provisioner.runs.journal import Made, Receipt
from provisioner.steps.files import SetLeaf, WriteFile
from provisioner.text import json_edit, tolerant

Keys = tuple[str, ...]
Act = tuple[Receipt, Made]  # a step, and the run that made it


def original(host: Reader, back: SetLeaf, newest: Act, later: Collection[Receipt] = ()) -> SetLeaf | None:
    """Return the step that gives a setting its original value; None if a run gave it back already.

    ``back`` undoes the oldest known step on the setting, ``newest`` is the last one. ``later`` are the runs after it:
    one that found the original value there gave the setting back without a step on it.
    """
    owned = _rows(tolerant.mapping(host.read(memory.path(host))).get(back.path))
    if back.keys not in owned:
        gone = (back.path, back.keys)
        return None if gave_back(*newest) or any(gone in let_go(run) for run in later) else back
    value = owned[back.keys]
    if value == back.value:
        return back
    if value is None:
        return SetLeaf(back.path, back.keys, None, None, None)
    text = json_edit.put(back.before or "", back.keys, value)
    return SetLeaf(back.path, back.keys, value, text, text)


def gave_back(receipt: Receipt, made: Made) -> bool:
    """Return whether a run gave a setting back: the record that it wrote does not name the setting any more."""
    step = made.step
    if not isinstance(step, SetLeaf) or step.keys[-1] in memory.STORES:
        return False
    owned = _owned(receipt, made, step.path)
    return owned is not None and step.keys not in owned


def let_go(receipt: Receipt) -> Iterator[tuple[str, Keys]]:
    """Yield the settings that a run gave back, each with its file. Only the record from before the run names them."""
    for made in receipt.made:
        if isinstance(made.step, WriteFile) and made.step.path.rpartition("/")[2] == memory.OWNED:
            new = tolerant.mapping(made.step.text)
            for old in (back for back in made.undo if isinstance(back, WriteFile)):
                for path, rows in tolerant.mapping(old.text).items():
                    yield from ((path, keys) for keys in _rows(rows) if keys not in _rows(new.get(path)))


def ours_again(receipt: Receipt) -> Iterator[SetLeaf]:
    """Yield the undos of a run that put back what was ours: its record names an earlier value, or none."""
    for made in receipt.made:
        for back in made.undo:
            owned = _owned(receipt, made, back.path) if isinstance(back, SetLeaf) else None
            if isinstance(back, SetLeaf) and back.value is not None and owned is not None:
                kept = back.keys in owned and owned[back.keys] != back.value
                if kept or gave_back(receipt, made):
                    yield back


def made_by(earlier: Collection[Receipt], back: SetLeaf) -> bool:
    """Return whether earlier runs gave a setting the value that ``back`` restores, or none of them is known to have.

    Somebody may have edited a setting of ours between two runs. That value is theirs.
    """
    made = (m.step for run in sorted(earlier, reverse=True) for m in reversed(run.made))
    same = (s for s in made if isinstance(s, SetLeaf) and (s.path, s.keys) == (back.path, back.keys))
    newest = next(same, None)
    return newest is None or newest.value == back.value


def _owned(receipt: Receipt, at: Made, path: str) -> Mapping[Keys, Any] | None:
    """Return the settings that are ours with a step, each with its original value; None if its run wrote no record.

    An entry that merges several runs has several records. Each run writes it before its settings.
    """
    text = None
    for made in receipt.made:
        if isinstance(made.step, WriteFile) and made.step.path.rpartition("/")[2] == memory.OWNED:
            text = made.step.text
        if made is at:
            break
    rows = tolerant.mapping(text).get(path)
    return None if rows is None else _rows(rows)


def _rows(rows: Any) -> Mapping[Keys, Any]:
    pairs = [row for row in rows if isinstance(row, list) and len(row) == 2] if isinstance(rows, list) else []
    return {tuple(map(str, keys)): value for keys, value in pairs if isinstance(keys, list)}
