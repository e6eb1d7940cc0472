"""The size of the terminal that shows an answer."""

import shutil
import sys

NARROWEST = 40  # columns; our output is not readable in fewer


def width() -> int:
    """Return the columns of the terminal, or 0 if stdout is not a terminal."""
    if not sys.stdout.isatty():
        return 0
    return max(NARROWEST, shutil.get_terminal_size().columns)
