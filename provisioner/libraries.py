"""Other people's Python modules, looked for only when one of them is needed.

The program is started with -S, because a check in sync needs none of them, and to look for where they are takes 3 ms.
"""

import sys


def find() -> None:
    """Let the distribution's modules be imported from now on."""
    if "site" not in sys.modules:
        import site

        site.main()
