"""Read the flags of a command line in both spellings: ``--name value`` and ``--name=value``."""

from collections.abc import Sequence


def value(argv: Sequence[str], *names: str) -> str | None:
    """Return the value of a flag by any of its names, or None if it is missing. The last occurrence wins."""
    found = values(argv, *names)
    return found[-1] if found else None


def values(argv: Sequence[str], *names: str) -> list[str]:
    """Return every value of a flag that may be repeated. A flag at the very end has an empty value."""
    found = []
    for index, word in enumerate(argv):
        name, equals, after = word.partition("=")
        if name in names:
            found.append(after if equals else argv[index + 1] if index + 1 < len(argv) else "")
    return found


def without(argv: Sequence[str], name: str) -> list[str]:
    """Return the command line without one flag and its value."""
    kept, skip = [], False
    for word in argv:
        if skip:
            skip = False
        elif word == name:
            skip = True
        elif not word.startswith(f"{name}="):
            kept.append(word)
    return kept
