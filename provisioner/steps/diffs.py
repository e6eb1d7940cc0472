"""The effect of a step on a file, as a diff."""

import re
from collections.abc import Sequence

from provisioner.text.terminal import printable

CONTEXT = 3  # lines of context around a change


def unified(path: str, before: str, after: str) -> str:
    """Return the changes of a file as a unified diff."""
    from difflib import unified_diff  # imported here because only a plan shows a diff

    old, new = before.splitlines(), after.splitlines()
    same = _common(old, new)
    top = max(0, same - CONTEXT)  # difflib takes seconds for a megabyte with one changed line
    end = max(0, min(_common(old[::-1], new[::-1]), len(old) - same, len(new) - same) - CONTEXT)
    lines = unified_diff(
        old[top : len(old) - end], new[top : len(new) - end], path if before else "/dev/null", path, lineterm=""
    )
    return "\n".join(printable(_moved(line, top)) for line in lines)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the number of equal items at the start of both sequences."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _moved(line: str, by: int) -> str:
    """Shift the line numbers in a hunk heading. Return any other line unchanged."""
    if not line.startswith("@@ -"):
        return line
    return re.sub(r"([-+])(\d+)", lambda m: f"{m.group(1)}{int(m.group(2)) + by}", line)
