"""What a terminal is shown: columns that line up, and nothing that would drive it."""

from collections.abc import Sequence


def columns(table: Sequence[tuple[str, ...]]) -> str:
    """A table whose columns are as wide as they have to be."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table)


def printable(text: str, *, keep: str = "\t", instead: str = "\ufffd") -> str:
    """Replace what would drive a terminal or break an encoder; ``keep`` lists control characters that may stay."""
    return "".join(c if c.isprintable() or c in keep else instead for c in text)
