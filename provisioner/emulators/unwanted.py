"""What provisioner has registered or copied and the configuration no longer asks for: platforms, versions of QEMU.

Our files say what is ours, so nothing else has to be remembered.
"""

from collections.abc import Collection

from provisioner.config.desired import Desired
from provisioner.emulators import keys
from provisioner.emulators.keys import COPIED, REGISTERED, Key
from provisioner.engine.facts import Facts
from provisioner.platforms import elf
from provisioner.platforms.table import Platform
from provisioner.typed import NamedTuple


class Left(NamedTuple):
    """What an apply removes, by key, and a note about what the configuration keeps."""

    gone: tuple[Key, ...] = ()
    note: str = ""


def found(desired: Desired, seen: Facts, rows: tuple[Platform, ...], used: Collection[str]) -> Left:
    """Return what of ours is not wanted.

    ``rows`` are the wanted platforms that need an emulator here, ``used`` the version of QEMU that is copied for them.

    A file with our prefix and a name that is not an architecture was not written by us.

    An engine that a user runs, or that is in a virtual machine, has no say about this host's emulators.
    """
    if seen.inside or seen.kind.emulators == "root":
        return Left()
    asked = {row.architecture for row in rows}
    things = {
        "platforms": [
            Key("", REGISTERED, name) for name in seen.ours if name not in asked and name in elf.ARCHITECTURES
        ],
        "qemu": [Key("", COPIED, name) for name in seen.versions if name not in used],
    }
    kept = {kind: found for kind, found in things.items() if kind in desired.keep and found}
    gone = (key for kind, found in things.items() if kind not in kept for key in found)
    notes = (
        f"kept, but not configured: {', '.join(map(keys.words, found))} (keep: {kind})" for kind, found in kept.items()
    )
    return Left(tuple(gone), "; ".join(notes))
