"""What a step makes of a file, as a diff."""

import re
from collections.abc import Sequence

from provisioner.text.terminal import printable

CONTEXT = 3  # lines around a change


def unified(path: str, before: str, after: str) -> str:
    """What changes in a file, as a unified diff."""
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
