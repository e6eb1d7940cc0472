"""The flags of a command line, in either spelling: ``--name value`` and ``--name=value``."""

from collections.abc import Sequence


def value(argv: Sequence[str], *names: str) -> str | None:
    """The value of a flag by any of its names, the last one where it stands twice; None: it is not there."""
    found = values(argv, *names)
    return found[-1] if found else None


def values(argv: Sequence[str], *names: str) -> list[str]:
    """Every value of a flag that may be repeated; one at the very end has an empty one."""
    found = []
    for index, word in enumerate(argv):
        name, equals, after = word.partition("=")
        if name in names:
            found.append(after if equals else argv[index + 1] if index + 1 < len(argv) else "")
    return found


def without(argv: Sequence[str], name: str) -> list[str]:
    """The command line less one flag that takes a value."""
    kept, skip = [], False
    for word in argv:
        if skip:
            skip = False
        elif word == name:
            skip = True
        elif not word.startswith(f"{name}="):
            kept.append(word)
    return kept
