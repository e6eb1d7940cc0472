"""The terminal that an answer is shown on."""

import shutil
import sys

NARROWEST = 40  # columns; with fewer, nothing that we say can be read


def width() -> int:
    """The columns of the terminal; 0 if stdout is none, so that nothing has to fit."""
    if not sys.stdout.isatty():
        return 0
    return max(NARROWEST, shutil.get_terminal_size().columns)
