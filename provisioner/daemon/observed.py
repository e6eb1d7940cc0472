"""The values in daemon.json, and the values that the engine shows."""

from provisioner.daemon import file, lasting
from provisioner.daemon.file import flat, leaves
from provisioner.daemon.keys import Key, words
from provisioner.daemon.wanted import Wanted, unordered
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError, DeniedError
from provisioner.model import NOTE, Reader, State, Unknown, Value
from provisioner.text import json_read
from provisioner.typed import Any

ROOT = words(Key(("data-root",), in_effect=True))


def have(host: Reader, facts: Facts, want: State) -> State:
    """Return the values in daemon.json and those that the engine shows.

    If the file is unreadable, each of its keys gets a sentence that says why.
    """
    if not isinstance(want, Wanted):
        raise TypeError("what is wanted of daemon.json has fields")
    note = "; ".join(filter(None, (lasting.note(host, facts), want.note)))
    told: State = {NOTE: note} if note else {}
    if not want:
        return told
    shown: dict[str, Value] = {
        words(Key((key,), in_effect=True)): unordered(value) for key, value in facts.engine.shown.items()
    }
    if _same_place(host, asked := want.get(ROOT), facts.engine.root):
        shown[ROOT] = asked
    try:
        if facts.unseen:
            raise DeniedError(facts.unseen)
        found = file.load(host, facts)
    except (ConfigError, DeniedError) as e:
        said = Unknown(e.message) if isinstance(e, DeniedError) else e.message
        return shown | {words(key): said for key in want.fields if not key.in_effect}
    values = {words(Key(path)): flat(value) for path, value in leaves(found)}
    return {**told, **shown, **values, **_objects(found, want)}


def _same_place(host: Reader, asked: Value, shown: str) -> bool:
    """Whether the desired data root is the active one.

    The engine resolves links. If it remaps users, it adds a folder ``UID.GID``.
    """
    if not isinstance(asked, str):
        return False
    folder, _, last = shown.rpartition("/")
    remapped = last.replace(".", "").isdigit() and last.count(".") == 1
    places = (shown, folder) if remapped else (shown,)
    there = host.stat(asked)
    return any(
        asked.rstrip("/") == place
        or (there is not None and (found := host.stat(place)) is not None and found.inode == there.inode)
        for place in places
    )


def _objects(found: dict[str, Any], want: Wanted) -> State:
    """Return the objects in daemon.json at the paths of desired keys."""
    there = ((key, json_read.leaf(found, key.path)) for key in want.fields if not key.in_effect)
    return {words(key): flat(value) for key, value in there if isinstance(value, dict)}
