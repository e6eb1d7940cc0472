"""Import third-party Python modules only when they are needed.

Python starts with -S, because a check in sync needs no third-party module and the search for them takes 3 ms.
"""

import sys


def find() -> None:
    """Make the distribution's modules importable from now on."""
    if "site" not in sys.modules:
        import site

        site.main()
