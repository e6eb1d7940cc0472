"""The wanted state of emulators: each foreign platform runs now and after a reboot, with the configured emulator."""

from collections.abc import Mapping

from provisioner.config.desired import Desired
from provisioner.emulators import keys
from provisioner.emulators.files import version
from provisioner.emulators.keys import Key
from provisioner.engine.facts import Facts
from provisioner.model import Value
from provisioner.platforms import table
from provisioner.platforms.machine import VERSIONS
from provisioner.platforms.table import Platform

COPIES = ("auto", "image")  # the sources that copy QEMU out of an image


class Wanted(dict[str, Value]):
    """The wanted values, by the words that a person reads. ``fields`` has the same values by key."""

    def __init__(self, fields: Mapping[Key, Value], note: str = "") -> None:
        super().__init__((keys.words(key), value) for key, value in fields.items())
        self.fields = fields
        self.note = note


def wanted(desired: Desired, seen: Facts) -> Wanted:
    """Return the wanted state: each foreign platform runs now and at boot, and nothing of ours is left over."""
    found = () if seen.inside else rows(desired, seen)
    asked: dict[Key, Value] = {keys.TABLE: "mounted"} if found else {}
    for row in found:
        asked |= {Key(row.name, keys.RUNS): "runs", Key(row.name, keys.AT_BOOT): "registered"}
        if origin := _origin(desired, seen, row):
            asked[Key(row.name, keys.FROM)] = origin
        if row.architecture in seen.ours:
            asked[Key(row.name, keys.CREDENTIALS)] = desired.emulators.credentials
    used = {version(desired.emulators.image)} if found and desired.emulators.source in COPIES else set()
    if seen.ours.keys() <= {row.architecture for row in found} and used.issuperset(seen.versions):
        return Wanted(asked)
    from provisioner.emulators import unwanted  # few hosts have something left over

    left = unwanted.found(desired, seen, found, used)
    return Wanted({**asked, **dict.fromkeys(left.gone)}, left.note)


def rows(desired: Desired, seen: Facts) -> tuple[Platform, ...]:
    """Return the wanted platforms that only an emulator can run on this host."""
    found = map(table.of, desired.platforms)
    return tuple(row for row in found if table.emulated(row, seen.native))


def told(desired: Desired, seen: Facts) -> tuple[str, ...]:
    """Return a sentence for each wanted platform that is built for but never runs here."""
    found = map(table.of, desired.platforms)
    return tuple(_why(row) for row in found if table.build_only(row, seen.native))


def _why(row: Platform) -> str:
    if row.build_only:
        return f"{row.name} is build-only: no emulator runs it"
    return f"{row.name} is build-only: this CPU does not do it, and an emulator would get the host's own programs, too"


def _origin(desired: Desired, seen: Facts, row: Platform) -> str | None:
    """Return where the emulator must come from; None if any that works is accepted, including somebody else's."""
    entry = seen.entries.get(str(row.emulator))
    ours = row.architecture in seen.ours
    origins = {
        "auto": f"image {version(desired.emulators.image)}",
        "image": f"image {version(desired.emulators.image)}",
        "package": "package",
        "directory": desired.emulators.directory,
    }
    origin = origins[desired.emulators.source]
    if desired.emulators.source == "auto":  # after a flush there is no entry, so the rule that makes it is judged
        path = entry.interpreter if entry else seen.ours.get(row.architecture, "")
        return origin if ours and path.startswith(f"{VERSIONS}/") else None
    return origin if ours or entry is None or desired.emulators.replace else None
