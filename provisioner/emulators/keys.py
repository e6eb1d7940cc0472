"""The keys of emulators: a platform and one aspect of it, and the key as a person reads it."""

from provisioner.typed import NamedTuple

NAME = "emulators"
RUNS, AT_BOOT, FROM, CREDENTIALS = "", "at boot", "from", "credentials"
ASPECTS = (RUNS, AT_BOOT, FROM, CREDENTIALS)


class Key(NamedTuple):
    """One aspect of a platform. Without a platform, it is about the kernel's whole table."""

    platform: str
    aspect: str


TABLE = Key("", "binfmt_misc")


def unwanted(thing: str) -> Key:
    """Return the key of something that is no longer wanted: ``linux/s390x``, or a version of QEMU."""
    return Key("", thing)


def words(key: Key) -> str:
    """Return the key as a person reads it, such as ``linux/arm64 at boot``."""
    return " ".join(filter(None, key))
