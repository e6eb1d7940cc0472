"""A state as text. A state follows a colon, not a verb, because some states are words and others whole clauses."""

from provisioner.typed import Any


def value(found: Any) -> str:
    """Format a value for people."""
    return "missing" if found is None else str(found).lower() if isinstance(found, bool) else str(found)


def differing(have: Any, want: Any) -> str:
    """Say what a state is and what is wanted."""
    return f"{value(have)}; wanted: {'none' if want is None else value(want)}"
