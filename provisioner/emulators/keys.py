"""The keys of emulators: a platform and one aspect of it, and the key as a person reads it."""

from provisioner.typed import NamedTuple

NAME = "emulators"
RUNS, AT_BOOT, FROM, CREDENTIALS = "", "at boot", "from", "credentials"
ASPECTS = (RUNS, AT_BOOT, FROM, CREDENTIALS)
REGISTERED, COPIED = "registered", "copied"  # of ours, and no longer wanted: a platform, a version of QEMU
UNWANTED = {REGISTERED: "linux/{}", COPIED: "QEMU {}"}


class Key(NamedTuple):
    """One aspect of a platform. Without a platform, it is about the kernel's whole table.

    With a ``name``, it is about something of that name that is no longer wanted: see ``UNWANTED``.
    """

    platform: str
    aspect: str
    name: str = ""


TABLE = Key("", "binfmt_misc")


def words(key: Key) -> str:
    """Return the key as a person reads it, such as ``linux/arm64 at boot``."""
    return UNWANTED[key.aspect].format(key.name) if key.name else " ".join(filter(None, key))
