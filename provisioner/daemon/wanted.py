"""The values that the configuration wants in daemon.json, and those that the engine should show."""

from collections.abc import Iterator, Mapping

from provisioner.config.desired import Desired
from provisioner.daemon.file import flat, leaves
from provisioner.daemon.keys import Key, Path, words
from provisioner.engine.facts import Facts
from provisioner.model import Value
from provisioner.typed import Any


class Wanted(dict[str, Value]):
    """What is wanted, by the words that a person reads. ``fields`` has the same by keys."""

    def __init__(self, fields: Mapping[Key, Value], note: str = "") -> None:
        super().__init__((words(key), value) for key, value in fields.items())
        self.fields = fields
        self.note = note


def want(desired: Desired, facts: Facts) -> Wanted:
    """Return each key with its desired value. A key that is no longer configured gets its earlier value."""
    asked, shown = dict(leaves(desired.daemon)), facts.engine.shown
    every = asked | given_back(desired, facts)
    fields = {Key(path): flat(value) for path, value in every.items()}
    return Wanted(
        fields
        | {
            Key(path, in_effect=True): unordered(value)
            for path, value in every.items()
            if shown.get(path[0]) is not None and value is not None
        },
        _note(desired, facts),
    )


def _note(desired: Desired, facts: Facts) -> str:
    """Return a note about the keys that stay because the configuration says so."""
    kept = [".".join(path) for path, _ in no_longer_asked(desired, facts)] if "settings" in desired.keep else []
    return f"kept, but not configured: {', '.join(kept)} (keep: settings)" if kept else ""


def given_back(desired: Desired, facts: Facts) -> dict[Path, Any]:
    """Return the keys that an apply gives back, each with its earlier value.

    A key above or below a configured key belongs to that key and is not restored.
    """
    if "settings" in desired.keep:
        return {}
    return dict(no_longer_asked(desired, facts))


def no_longer_asked(desired: Desired, facts: Facts) -> Iterator[tuple[Path, Any]]:
    """Yield the keys that were ours and are no longer configured, each with its earlier value."""
    asked = [keys for keys, _ in leaves(desired.daemon)]
    yield from {keys: old for keys, old in facts.owned if not any(_on_one_path(keys, a) for a in asked)}.items()


def _on_one_path(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def unordered(value: Any) -> Value:
    """Sort a list, because dockerd returns labels in any order after a reload."""
    return flat(sorted(value, key=str) if isinstance(value, list) else value)
