"""Read systemd's journal with systemd-python. Without it, or without a right, the answer is unknown."""

from provisioner import libraries


def last(unit: str, lines: int, user: int | None = None) -> list[str] | None:
    """Return the last messages of a unit, oldest first. ``user`` is the owner of a user's unit.

    Returns: None if systemd-python is not installed, or if the journal cannot be read.
    """
    libraries.find()
    try:
        from systemd import journal
    except ImportError:
        return None
    found: list[str] = []
    try:
        with journal.Reader() as reader:
            if user is None:
                reader.add_match(_SYSTEMD_UNIT=unit)
            else:
                reader.add_match(_SYSTEMD_USER_UNIT=unit)
                reader.add_match(_UID=str(user))
            reader.seek_tail()
            while len(found) < lines and (entry := reader.get_previous()):
                found.append(_text(entry.get("MESSAGE", "")))
    except OSError:
        return None
    return found[::-1]


def _text(message: object) -> str:
    """Return a message as text. The library returns bytes if it is not UTF-8; they become surrogates, as elsewhere."""
    return message.decode("utf-8", "surrogateescape") if isinstance(message, bytes) else str(message)
