"""The values in daemon.json, and the values that the engine shows."""

from provisioner.daemon import file, lasting
from provisioner.daemon.file import EFFECT, flat, leaves, name
from provisioner.daemon.wanted import unordered
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError, DeniedError
from provisioner.model import NOTE, Reader, State, Unknown, Value
from provisioner.text import json_read
from provisioner.typed import Any

ROOT = "data-root"


def have(host: Reader, facts: Facts, want: State) -> State:
    """Return the values in daemon.json and those that the engine shows.

    If the file is unreadable, each of its keys gets a sentence that says why.
    """
    told: State = {NOTE: note} if (note := lasting.note(host, facts)) else {}
    if not want:
        return told
    shown: dict[str, Value] = {key + EFFECT: unordered(value) for key, value in facts.engine.shown.items()}
    if _same_place(host, asked := want.get(ROOT + EFFECT), facts.engine.root):
        shown[ROOT + EFFECT] = asked
    try:
        if facts.unseen:
            raise DeniedError(facts.unseen)
        found = file.load(host, facts)
    except (ConfigError, DeniedError) as e:
        said = Unknown(e.message) if isinstance(e, DeniedError) else e.message
        return shown | {key: said for key in want if not key.endswith(EFFECT)}
    return {**told, **shown, **{name(keys): flat(value) for keys, value in leaves(found)}, **_objects(found, want)}


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


def _objects(found: dict[str, Any], want: State) -> State:
    """Return the objects in daemon.json at the paths of desired keys."""
    there = ((key, json_read.leaf(found, tuple(key.split(".")))) for key in want)
    return {key: flat(value) for key, value in there if isinstance(value, dict)}
