"""Format sizes as docker prints them."""


def human(size: float) -> str:
    """Format a number of bytes as docker prints it."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
