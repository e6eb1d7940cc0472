"""What a terminal is shown: columns that line up, and nothing that would drive it."""

from collections.abc import Sequence

GAP = "  "  # between two columns
LEAST = 20  # characters that a last column needs to be worth its place


def columns(table: Sequence[tuple[str, ...]], width: int = 0) -> str:
    """A table whose columns are as wide as they have to be.

    Within a ``width`` (0: any) the last column is wrapped; where there is no room for it, each row becomes a block.
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
    """A text in lines of a width, broken between words where that is possible."""
    from textwrap import wrap  # for a terminal alone

    return wrap(text, width, break_on_hyphens=False)


def printable(text: str, *, keep: str = "\t", instead: str = "\ufffd") -> str:
    """Replace what would drive a terminal or break an encoder; ``keep`` lists control characters that may stay."""
    return "".join(c if c.isprintable() or c in keep else instead for c in text)
