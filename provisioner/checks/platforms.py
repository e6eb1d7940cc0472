"""How each wanted platform runs, as the rows of a JSON document."""

from collections.abc import Iterable

from provisioner.emulators.labels import Label
from provisioner.typed import Any


def rows(found: Iterable[Label]) -> list[dict[str, Any]]:
    """Return a row for each label. Unknown values are null."""
    return [_row(label) for label in found]


def _row(label: Label) -> dict[str, Any]:
    row: dict[str, Any] = {**label._asdict(), "by": label.by or None, "built_on": label.built_on or None}
    if emulator := label.emulator:
        unknown = {"tag": emulator.tag or None, "version": emulator.version or None}
        row["emulator"] = {**emulator._asdict(), **unknown}
    return row
