"""Format sizes as docker prints them, and counts of things."""


def human(size: float) -> str:
    """Format a number of bytes as docker prints it."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def count(number: int, noun: str) -> str:
    """Return a number of things in words: ``1 image``, ``3 images``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
