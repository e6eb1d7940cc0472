"""Pure renderers: what was found, as text or as JSON. They know no exit status and print nothing."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from provisioner import mask
from provisioner.acts import (
    Change,
    CompareImages,
    CopyImage,
    CopyOut,
    Discard,
    MakeDirectory,
    Plan,
    Register,
    Reload,
    RemoveDirectory,
    RemoveFile,
    Restart,
    Run,
    SetLeaf,
    SetOwner,
    Step,
    Unregister,
    WriteFile,
)
from provisioner.model import Value

SCHEMA_VERSION = 1
CONTEXT = 3  # lines around a change


def sentence(step: Step) -> str:
    """What a step does, in a line."""
    match step:
        case MakeDirectory(path):
            return f"make the directory {path}"
        case RemoveDirectory(path):
            return f"remove the directory {path} if it is empty"
        case WriteFile(path):
            return f"write {path}"
        case RemoveFile(path):
            return f"remove {path}"
        case SetLeaf(path, keys, value):
            return f"set {'.'.join(keys)} to {json.dumps(value)} in {path}" if value is not None else _unset(step)
        case Register(path, unless_there=unless_there):
            return f"register {_entry(path)} with the kernel{' again, if it is gone by then' if unless_there else ''}"
        case Unregister(path):
            return f"take {_entry(path)} out of the kernel's table"
        case CopyOut(image=image, programs=programs, folder=folder):
            return f"copy {', '.join(programs)} out of {image} into {folder}"
        case Discard(image=image):
            return f"take away the container that programs were copied out of{f', and {image}' if image else ''}"
        case Run(argv, user=user):
            return f"run {' '.join(map(mask.word, argv))}{f' as {user}' if user else ''}"
        case SetOwner(paths, uid, gid):
            return f"give {' '.join(paths)} to {uid}:{gid}"
        case CopyImage(names, size):
            return f"copy {', '.join(names)} ({size / 1e6:.0f} MB) into containerd's store"
        case CompareImages():
            return "compare every image with its copy"
        case Restart(unit):
            return f"restart {unit}"
        case Reload(unit):
            return f"reload {unit}"
        case _:
            assert_never(step)


def _entry(path: str) -> str:
    return path.rpartition("/")[2]


def _unset(step: SetLeaf) -> str:
    return f"take {'.'.join(step.keys)} out of {step.path}" if step.after is not None else f"remove {step.path}"


def diff(step: Step) -> str:
    """The lines of a file that a step changes, as a unified diff; empty for what is no file."""
    match step:
        case SetLeaf(path, before=before, after=after):
            return _diff(path, before or "", after or "")
        case WriteFile(path, text):
            return _diff(path, "", text)
        case _:
            return ""


def _diff(path: str, before: str, after: str) -> str:
    from difflib import unified_diff  # only a plan shows one

    old, new = before.splitlines(), after.splitlines()
    same = _common(old, new)
    top = max(0, same - CONTEXT)  # difflib would take seconds for a megabyte of which a line changes
    end = max(0, min(_common(old[::-1], new[::-1]), len(old) - same, len(new) - same) - CONTEXT)
    lines = unified_diff(
        old[top : len(old) - end], new[top : len(new) - end], path if before else "/dev/null", path, lineterm=""
    )
    return "\n".join(printable(_moved(line, top)) for line in lines)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items both begin with."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _moved(line: str, by: int) -> str:
    """A hunk's heading with its line numbers moved down; any other line as it is."""
    if not line.startswith("@@ -"):
        return line
    return re.sub(r"([-+])(\d+)", lambda m: f"{m.group(1)}{int(m.group(2)) + by}", line)


def plan(made: Plan) -> str:
    """What apply would do: differences, steps with their diffs, what must follow, what is held and why."""
    if not made:
        return "nothing to do: the host is as the configuration wants it"
    return "\n\n".join(_change(change) for change in made.changes)


def _change(change: Change) -> str:
    lines = [change.resource]
    lines += [f"  {d.key}: {_value(d.key, d.have)} -> {_value(d.key, d.want)}" for d in change.differences]
    for step in change.edits:
        lines.append(f"  - {sentence(step)}")
        lines += [f"      {line}" for line in diff(step).splitlines()]
    lines += [f"  - then {sentence(step)}, and wait until it answers" for step in change.settle]
    lines += [f"  - at the very end {sentence(step)}" for step in change.last]
    lines += [
        f"  held: {reason}\n    hint: {hint}" for reason, hint in dict.fromkeys((h[1], h[2]) for h in change.held)
    ]
    lines += [f"  note: {note}" for note in change.notes]
    return "\n".join(lines)


def outcome(left: Plan, receipt: int | None) -> str:
    """How an apply ended."""
    lines = []
    if receipt is None:
        lines.append("nothing had to be changed")
    else:
        lines.append(f"done; `provisioner rollback {receipt}` takes it back")
    for resource, held in dict.fromkeys((r, h._replace(key="")) for r, h in left.held):
        lines.append(f"held: {resource}: {held.reason}\n  hint: {held.hint}")
    return "\n".join(lines)


def proof(rows: Iterable[tuple[str, bool, bool, bool, str, str, bool, bool]], digest: str) -> str:
    """The proof as a table, and the digest of the index."""
    table = [("PLATFORM", "BUILT", "IN THE INDEX", "RUNS", "HOW")]
    table += [(p, _yes(built), _yes(there), _yes(runs), error or how) for p, built, there, runs, how, error, *_ in rows]
    return f"{columns(table)}\nindex {digest}" if digest else columns(table)


def detected(found: Mapping[str, Any]) -> str:
    """What this host is, a line a fact."""
    return columns([(f"{k}:", _fact(v)) for k, v in found.items()])


def columns(table: Sequence[tuple[str, ...]]) -> str:
    """A table whose columns are as wide as they have to be."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table)


def document(command: str, status: int, **content: Any) -> str:
    """One JSON document, without secrets."""
    head = {"schema_version": SCHEMA_VERSION, "command": command, "status": status}
    return json.dumps({**head, **mask.everywhere(content)}, indent=2)


def plan_json(made: Plan) -> list[dict[str, Any]]:
    """A plan as JSON has it."""
    return [
        {
            "resource": c.resource,
            "differences": [d._asdict() for d in c.differences],
            "edits": [{"step": type(s).__name__, "does": sentence(s), "diff": diff(s)} for s in c.edits],
            "settle": [{"step": type(s).__name__, "does": sentence(s)} for s in c.settle],
            "last": [{"step": type(s).__name__, "does": sentence(s)} for s in c.last],
            "held": [h._asdict() for h in c.held],
            "notes": c.notes,
        }
        for c in made.changes
    ]


def _value(key: str, value: Value) -> str:
    if value is None:
        return "missing"
    return json.dumps(value) if isinstance(value, bool) else str(mask.value(key, value))


def _fact(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "unknown" if value is None else "yes" if value is True else "no" if value is False else str(value)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def printable(line: str) -> str:
    """A line of somebody's file, without what would drive a terminal or break an encoder."""
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in line)
