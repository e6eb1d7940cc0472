"""The table of all errors, by subject: what a text contains of it, and the page that documents it."""

import re
from collections.abc import Iterator

from provisioner.cli.cures import Error, builders, engine, platforms, registries

ERRORS = (*platforms.ERRORS, *builders.ERRORS, *registries.ERRORS, *engine.ERRORS)
_COMPILED = tuple((error, re.compile("|".join(error.patterns), re.IGNORECASE)) for error in ERRORS)


def recognized(text: str) -> Iterator[tuple[Error, str]]:
    """Find each known error in a text once, with the line that contains it, in the order of the text."""
    seen: set[str] = set()
    for line in text.splitlines():
        for error, pattern in _COMPILED:
            if error.code not in seen and pattern.search(line):
                seen.add(error.code)
                yield error, line.strip()


def page() -> str:
    """Return the documentation page about these errors, in Markdown."""
    lines = [
        "# Errors that `provisioner explain` knows",
        "",
        "`provisioner explain` recognizes these errors in a message, a file or the output of a build. It looks at",
        "the host and says which cause is the real one:",
        "",
        "    docker buildx build . 2>&1 | provisioner explain",
        "",
        "This page is made from the same table. [Errors and cures](errors.md) tells more of the most frequent ones.",
    ]
    for error in ERRORS:
        lines += ["", f"## {error.title}", ""]
        for cause in error.causes:
            lines += [cause.sentence, "", *(f"    {step.words}" for step in cause.cure), ""]
        lines.pop()
    return "\n".join(lines) + "\n"
