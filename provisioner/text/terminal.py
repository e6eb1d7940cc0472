"""Terminal output: aligned columns, without control characters."""

from collections.abc import Sequence

GAP = "  "  # between two columns
LEAST = 20  # minimum width in characters of a last column


def columns(table: Sequence[tuple[str, ...]], width: int = 0) -> str:
    """Format a table. Each column is as wide as its longest cell.

    With a ``width`` (0: no limit), the last column is wrapped. If it has too little room, each row becomes a block.
    """
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    before = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    if not width or before + widths[-1] <= width:
        return "\n".join(GAP.join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table)
    if before + LEAST > width:
        return "\n".join("\n".join([row[0], *(f"  {cell}" for cell in row[1:] if cell)]) for row in table)
    lines = []
    for row in table:
        first, *more = _wrapped(row[-1], width - before) or [""]
        start = "".join(c.ljust(w) + GAP for c, w in zip(row[:-1], widths, strict=False))
        lines += [f"{start}{first}".rstrip(), *(f"{' ' * before}{line}" for line in more)]
    return "\n".join(lines)


def _wrapped(text: str, width: int) -> list[str]:
    """Split a text into lines of at most ``width`` characters, between words if possible."""
    from textwrap import wrap  # needed only for a terminal

    return wrap(text, width, break_on_hyphens=False)


def printable(text: str, *, keep: str = "\t", instead: str = "\ufffd") -> str:
    """Replace characters that would control a terminal or break an encoder. ``keep`` lists exceptions."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else instead for c in text)
