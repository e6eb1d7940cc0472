"""What applies have made, as a host without its history still shows it: a record, and labels on volumes.

The record is only a list of places to look at. Whether a thing is still there, and still as we left it, the host itself
decides.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress

from provisioner.config import drivers
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.typed import Any

LABEL = "io.provisioner.builder"  # on the volume that holds a builder's cache, with the builder's name
FORGET = ("docker", "buildx", "rm", "--force", "--keep-daemon")
UNDONE = ("rolled back", "undone", "removed", "accepted")  # the outcomes after which nothing of a run is ours
SHORT = 8  # hexadecimal digits of a value's digest: enough to recognize it, too few to guess a secret by

Builders = Mapping[str, tuple[str, ...]]  # the users of each, by name
Record = Mapping[str, Any]
Settings = Mapping[str, Mapping[str, str]]  # digests of the values that we have set, by file and by the keys as JSON


def settings(record: Record | None) -> Settings:
    """Return the settings that applies have made, by file. Damaged rows are left out."""
    found = (record or {}).get("settings")
    files = {f: of for f, of in found.items() if f.startswith("/")} if isinstance(found, dict) else {}
    return {f: dict(r for r in of.items() if _sound(*r)) for f, of in files.items() if isinstance(of, dict)}


def _sound(said: str, value: Any) -> bool:
    """Return whether a row is the path of a setting, as a JSON list of names, with a digest."""
    try:
        keys = json.loads(said)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, str) and isinstance(keys, list) and bool(keys) and all(isinstance(k, str) for k in keys)


def unchanged(host: Reader, record: Record | None, file: str) -> Iterator[tuple[str, ...]]:
    """Yield the keys of a file that we have set and nobody has changed since."""
    with suppress(ProvisionerError):
        yield from map(tuple, map(json.loads, _unchanged(host, settings(record).get(file) or {}, file)))


def pruned(host: Reader, record: Record | None) -> Settings:
    """Return the settings that nobody has changed since. A value that somebody sets again later is not ours.

    Of a file that cannot be read, all settings are returned.
    """
    return matching(host, settings(record))


def matching(host: Reader, values: Settings) -> Settings:
    """Return the settings that still have these values, as ``pruned``."""
    found: dict[str, Mapping[str, str]] = {}
    for file, rows in values.items():
        try:
            found[file] = {said: rows[said] for said in _unchanged(host, rows, file)}
        except ProvisionerError:
            found[file] = rows
    return {file: rows for file, rows in found.items() if rows}


def _unchanged(host: Reader, rows: Mapping[str, str], file: str) -> Iterator[str]:
    """Yield the keys, as JSON, whose values have the digests of ``rows``."""
    from provisioner.text import json_read

    text = host.read(file) if rows else None
    found = json_read.load(text, file) if text else {}
    for said, value in rows.items():
        now = json_read.leaf(found, tuple(json.loads(said)))
        if now is not None and digest(now) == value:
            yield said


def digest(value: Any) -> str:
    """Return the start of a value's digest."""
    from hashlib import sha256  # only an apply, and a host that has lost its history, need it

    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:SHORT]


def told(host: Reader, engine: str, number: int | None = None) -> Builders:
    """Return the builders that applies in effect have registered on an engine, by the history.

    ``number`` asks a single entry of the history.
    """
    found: dict[str, dict[str, None]] = {}
    folder = f"{host.state}/receipts"
    try:
        texts = [host.read(f"{folder}/{name}") or "" for name in host.names(folder) if number in (None, _number(name))]
    except ProvisionerError:
        return {}
    for text in texts:
        lines = [line for line in map(_line, text.splitlines()) if line]
        asked = (lines[0].get("desired") or {}).get("engine") if lines else None
        if asked not in (engine, "auto") or lines[-1].get("outcome") in UNDONE:
            continue
        for step in (step for line in lines for step in line.get("undo") or ()):
            argv = tuple(step.get("argv") or ())
            if argv[:-1] == FORGET:
                found.setdefault(argv[-1], {})[step.get("user") or "root"] = None
    return {name: tuple(users) for name, users in found.items()}


def _number(name: str) -> int:
    """Return the number of a file of the history; 0 if it has none."""
    digits = name.partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _line(text: str) -> dict[str, Any]:
    """Return a line of the history, if it is one that can be about a builder, or about the end of its run."""
    if '"begin"' not in text and '"end"' not in text and "--keep-daemon" not in text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def labelled(host: Reader, socket: str) -> dict[str, str]:
    """Return the volumes on an engine that our label marks, each with the name of its builder.

    Everybody who may use the engine can set a label, so it counts only if the volume has the name that buildx gives to
    the cache of that very builder.
    """
    from urllib.parse import quote  # the import is slow, and a check of a host in sync never gets here

    asked = quote(json.dumps({"label": [LABEL]}))
    try:
        found = (host.get(socket, f"/volumes?filters={asked}") or {}).get("Volumes") or ()
    except ProvisionerError:
        return {}
    marked = {str(v["Name"]): str((v.get("Labels") or {}).get(LABEL) or "") for v in found}
    return {volume: builder for volume, builder in marked.items() if builder and _numbered(volume, builder)}


def _numbered(volume: str, builder: str) -> bool:
    """Return whether a volume is the cache of a builder's own node, which buildx numbers."""
    import re

    return re.fullmatch(f"{re.escape(drivers.container(builder))}[0-9]+_state", volume) is not None


def caches(host: Reader, socket: str, version: str, made: Collection[str]) -> dict[str, int]:
    """Return the bytes of each cache that is ours and that no container uses: 0 if the engine does not measure it."""
    named = {_volume(name) for name in made} | labelled(host, socket).keys()
    usage = {name: use for name, use in _usage(host, socket, version).items() if name in named}
    return {name: max(0, use.get("Size", 0)) for name, use in usage.items() if not use.get("RefCount")}


def sizes(host: Reader, socket: str, version: str) -> dict[str, int]:
    """Return the bytes in each volume that the engine has measured; empty if that takes it too long."""
    try:
        usage = _usage(host, socket, version)
    except ProvisionerError:
        return {}
    return {name: size for name, use in usage.items() if (size := use.get("Size", -1)) >= 0}


def _usage(host: Reader, socket: str, version: str) -> dict[str, Mapping[str, Any]]:
    """Return what the engine knows about the use of each volume.

    ``version`` is the prefix of a path that asks for a version of the API. The newest one has other fields.
    """
    rows = (host.get(socket, f"{version}/system/df?type=volume") or {}).get("Volumes") or ()
    return {row["Name"]: row.get("UsageData") or {} for row in rows}


def _volume(builder: str) -> str:
    """Return the volume with the cache of a builder's own node."""
    return f"{drivers.container(drivers.first(builder))}_state"


def merged(host: Reader, record: Record | None, engine: str, here: Builders, values: Settings) -> dict[str, Any]:
    """Return the record after an apply.

    ``here`` are the builders that are still there, or whose cache is. ``values`` are the settings that this apply has
    made (an empty digest: taken out).
    """
    old = (record or {}).get("builders")
    every = {**(old if isinstance(old, dict) else {}), engine: {name: list(users) for name, users in here.items()}}
    kept: dict[str, dict[str, str]] = {file: dict(of) for file, of in pruned(host, record).items()}
    for file, of in values.items():
        kept[file] = {k: d for k, d in {**kept.get(file, {}), **of}.items() if d}
    return {"builders": {e: r for e, r in every.items() if r}, "settings": {f: s for f, s in kept.items() if s}}
