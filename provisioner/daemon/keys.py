"""The keys of the daemon resource: a setting of daemon.json, in the file or in effect, and the words for it."""

from provisioner.typed import NamedTuple

Path = tuple[str, ...]  # the names on the way to a setting: ("log-opts", "max-size")


class Key(NamedTuple):
    """A setting. ``in_effect`` means what the engine shows of it, which may differ from the file."""

    path: Path
    in_effect: bool = False


def words(key: Key) -> str:
    """Return the key as a person reads it: ``log-opts.max-size``, or ``debug in effect``."""
    return f"{'.'.join(key.path)}{' in effect' if key.in_effect else ''}"
