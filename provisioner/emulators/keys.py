"""The keys of emulators: a platform and one aspect of it, and the words that a person reads."""

from provisioner.typed import NamedTuple

NAME = "emulators"
RUNS, AT_BOOT, FROM, CREDENTIALS = "", "at boot", "from", "credentials"


class Key(NamedTuple):
    """One aspect of a platform. Without a platform: of the kernel's table as a whole."""

    platform: str
    aspect: str


TABLE = Key("", "binfmt_misc")


def words(key: Key) -> str:
    """The key as a person reads it: ``linux/arm64 at boot``."""
    return " ".join(filter(None, key))
