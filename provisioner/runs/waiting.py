"""Record what applies have put off, with the reason, so that the apply that does it can say since when it waited.

A run that may not write the record, because another run holds the lock or the disk is full, leaves a note in the
runtime directory. The note is gone after a boot.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from provisioner import secrets
from provisioner.config.desired import Desired
from provisioner.engine import memory
from provisioner.errors import BusyError, ProvisionerError
from provisioner.host import System
from provisioner.model import Reader
from provisioner.runs import record
from provisioner.steps import Plan, Say
from provisioner.text import tolerant

ALL = "apply"  # the resource of a whole run that was put off


class Waiting(NamedTuple):
    """Something that an apply put off: its resource and key, since when (RFC 3339), and the reason."""

    engine: str
    resource: str
    key: str
    since: str
    reason: str


def note(host: Reader) -> str:
    """Return the path of the note."""
    return f"{host.runtime}/put-off.json"


def waiting(host: Reader) -> tuple[Waiting, ...]:
    """Return what earlier applies have put off. Rows that cannot be read are left out."""
    recorded = _rows((memory.record(host) or {}).get("waiting"))
    return tuple(dict.fromkeys((*recorded, *_noted(host))))


def done(before: tuple[Waiting, ...], wanted: Desired, made: Plan, left: Plan) -> tuple[Waiting, ...]:
    """Return what was put off until this apply, and is now done. ``before`` is what waited when it began."""
    if not made.acts:
        return ()
    now = {(r, d.key) for r, d in made.differences} - {(r, b.key) for r, b in left.blocked}
    return tuple(w for w in before if _same(w, wanted) and (w.resource == ALL or (w.resource, w.key) in now))


def put_off(system: System, wanted: Desired, reason: str, say: Say) -> None:
    """Record that a whole run was put off, or failed and was rolled back."""
    before = waiting(system)
    row = _whole(system, before, wanted, reason)
    kept = [w for w in before if not (w.resource == ALL and _same(w, wanted))]
    noted = _noted(system)
    if record.update(system, {"waiting": [*kept, row]}, say):
        forget(system, noted)
    else:
        _note(system, row)


@contextmanager
def alone(system: System, lock: str, wanted: Desired) -> Iterator[None]:
    """Hold the lock while the block runs. If another run holds it, leave a note: that run writes the record."""
    try:
        held = system.lock(lock)
        held.__enter__()
    except BusyError as e:
        _note(system, _whole(system, waiting(system), wanted, e.message))
        raise
    try:
        yield
    finally:
        held.__exit__(None, None, None)


def write(system: System, wanted: Desired, left: Plan, say: Say) -> None:
    """Record what waits after an apply."""
    noted = _noted(system)
    if record.update(system, {"waiting": list(_left(system, wanted, left))}, say):
        forget(system, noted)


def forget(system: System, noted: tuple[Waiting, ...] | None = None) -> None:
    """Remove the note, if it still says what was ``noted``: another run may have left one since."""
    with suppress(ProvisionerError, OSError):
        if system.stat(note(system)) and noted in (None, _noted(system)):
            system.remove(note(system))


def _noted(host: Reader) -> tuple[Waiting, ...]:
    """Return the rows of the note."""
    with suppress(ProvisionerError):
        return _rows(tolerant.mapping(host.read(note(host))).get("waiting"))
    return ()


def _rows(found: object) -> tuple[Waiting, ...]:
    rows = found if isinstance(found, list) else ()
    return tuple(Waiting(*map(str, r)) for r in rows if isinstance(r, list) and len(r) == len(Waiting._fields))


def _whole(host: Reader, before: tuple[Waiting, ...], wanted: Desired, reason: str) -> Waiting:
    """Return the row for a whole run. It waits since the first run that was put off."""
    since = [w.since for w in before if w.resource == ALL and _same(w, wanted)]
    return Waiting(wanted.engine, ALL, "", since[0] if since else host.now(), secrets.text(reason))


def _note(system: System, row: Waiting) -> None:
    others = [w for w in _noted(system) if (w.engine, w.resource) != (row.engine, row.resource)]
    with suppress(ProvisionerError, OSError):
        system.make_directories(system.runtime, 0o755)
        system.write(note(system), json.dumps({"waiting": [*others, row]}) + "\n", 0o644)


def _left(host: Reader, wanted: Desired, left: Plan) -> Iterator[Waiting]:
    """Yield what waits now: what is left of this engine, and what waits on others."""
    before = waiting(host)
    since = {(w.resource, w.key): w.since for w in before if _same(w, wanted)}
    yield from (w for w in before if not _same(w, wanted) or (wanted.only and w.resource not in (*wanted.only, ALL)))
    for resource, (key, obstacle) in left.blocked:
        first = since.get((resource, key), host.now())
        yield Waiting(wanted.engine, resource, key, first, secrets.text(obstacle.message))


def _same(row: Waiting, wanted: Desired) -> bool:
    """Return whether something waits on the engine of a run. A run that never reached an engine names none."""
    return row.engine == wanted.engine or "://" not in row.engine
