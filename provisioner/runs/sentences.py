"""Steps in words, and what they make of a file as a diff."""

import json
import re
from collections.abc import Sequence
from typing import assert_never

from provisioner import secrets
from provisioner.steps import (
    ClearTrial,
    CompareImages,
    CopyImage,
    CopyOut,
    Discard,
    MakeDirectory,
    Register,
    Reload,
    RemoveDirectory,
    RemoveFile,
    Restart,
    Run,
    SetLeaf,
    SetOwner,
    Start,
    Step,
    Stop,
    TryStore,
    Unregister,
    WriteFile,
)
from provisioner.text.terminal import printable

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
            return f"run {' '.join(map(secrets.word, argv))}{f' as {user}' if user else ''}"
        case SetOwner(paths, uid, gid):
            return f"give {' '.join(paths)} to {uid}:{gid}"
        case Stop(unit):
            return f"stop {unit}"
        case Start(unit):
            return f"start {unit}, and wait until it answers"
        case CopyImage(names, size):
            return f"copy {', '.join(names)} ({size / 1e6:.0f} MB) into containerd's store"
        case CompareImages():
            return "compare every image with its copy"
        case TryStore():
            return "run an image of our own in the store"
        case ClearTrial():
            return "take away the image that was tried"
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
