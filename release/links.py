"""Rewrites the links of a page that is copied out of the repository, so that each still leads somewhere."""

import posixpath
import re
from collections.abc import Mapping

RELATIVE = re.compile(r"\]\((?!\w+:)([^)#\s]+)")


def rewritten(text: str, page: str, placed: Mapping[str, str], url: str) -> str:
    """Return the text of a page with new links.

    ``page`` is its path in the repository. ``placed`` has the new path of each file that is copied with it. A link to
    any other file leads to the repository at ``url``.
    """

    def lead(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), found[1]))
        if target not in placed:
            return f"]({url}/blob/main/{target}"
        return f"]({posixpath.relpath(placed[target], posixpath.dirname(placed[page]))}"

    return RELATIVE.sub(lead, text)
