"""Write the record of what applies have made and put off. It outlives the history, and says where to look.

What was put off is recorded with its reason, so that the apply that makes up for it can say since when it waited.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from provisioner import secrets
from provisioner.builder import unwanted
from provisioner.config.desired import Desired
from provisioner.daemon import resource as daemon_resource
from provisioner.engine import facts, memory, traces
from provisioner.errors import ProvisionerError
from provisioner.host import System
from provisioner.image_store import resource as image_store_resource
from provisioner.model import Reader
from provisioner.runs import journal
from provisioner.steps import Plan, Say
from provisioner.steps.files import SetLeaf

SETTING = (daemon_resource.NAME, image_store_resource.NAME)
ALL = "apply"  # the resource of a whole run that was put off


class Waiting(NamedTuple):
    """Something that an apply put off: its resource and key, since when (RFC 3339), and the reason."""

    engine: str
    resource: str
    key: str
    since: str
    reason: str


def waiting(host: Reader) -> tuple[Waiting, ...]:
    """Return what earlier applies have put off. Rows that cannot be read are left out."""
    rows = (memory.record(host) or {}).get("waiting")
    fields = len(Waiting._fields)
    return tuple(Waiting(*map(str, r)) for r in rows or () if isinstance(r, list) and len(r) == fields)


def done(host: Reader, wanted: Desired, made: Plan, left: Plan) -> tuple[Waiting, ...]:
    """Return what was put off until this apply, and is now done."""
    if not made.acts:
        return ()
    now = {(r, d.key) for r, d in made.differences} - {(r, b.key) for r, b in left.blocked}
    return tuple(w for w in waiting(host) if _same(w, wanted) and (w.resource == ALL or (w.resource, w.key) in now))


def put_off(system: System, wanted: Desired, reason: str, say: Say) -> None:
    """Record that a whole run was put off, or failed and was rolled back."""
    before = [w for w in waiting(system) if w.resource == ALL and _same(w, wanted)]
    since = before[0].since if before else system.now()
    kept = [w for w in waiting(system) if w not in before]
    _write(system, {"waiting": [*kept, Waiting(wanted.engine, ALL, "", since, secrets.text(reason))]}, say)


def write(system: System, wanted: Desired, made: Plan, left: Plan, say: Say) -> None:
    """Bring the record up to date after an apply. A failure does not fail the run."""
    try:
        seen = facts.gather(system, wanted, quick=True, far=False)
        found: dict[str, Any] = {"waiting": list(_waiting(system, wanted, left))}
        if seen.socket:  # emulators alone need no engine, and then nothing of it is known
            known = {name: dict.fromkeys(users) for name, users in seen.made.items()}
            for name, users in traces.told(system, seen.endpoint.address).items():
                known[name] = {**known.get(name, {}), **dict.fromkeys(users)}
            here = {n: tuple(users) for n, users in known.items() if _there(system, seen, n, users)}
            found |= traces.merged(system, memory.record(system), seen.endpoint.address, here, _set(system, made))
    except (ProvisionerError, OSError) as e:
        say(f"note: what this apply has made could not be recorded: {e}")
        return
    _write(system, found, say)


def rolled_back(system: System) -> None:
    """Bring the record up to date after a rollback: the history says what is there, until the next apply."""
    with suppress(ProvisionerError, OSError):
        if any(receipt.outcome not in journal.OVER for receipt in journal.every(system)):
            known = memory.record(system) or {}
            found = {"waiting": known.get("waiting"), "settings": traces.pruned(system, known)}
            found = {key: value for key, value in found.items() if value}
            system.write(memory.record_path(system), json.dumps(found) + "\n", 0o644)
        else:
            system.remove(memory.record_path(system))


def _there(host: Reader, seen: facts.Facts, name: str, users: Collection[str]) -> bool:
    """Return whether a builder is registered for somebody, or its cache is there."""
    registered = any(unwanted.registered(host, name, user, seen.endpoint.host) for user in users)
    return registered or host.get(seen.socket, f"/volumes/{unwanted.volume(name)}") is not None


def _waiting(host: Reader, wanted: Desired, left: Plan) -> Iterator[Waiting]:
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


def _write(system: System, new: dict[str, Any], say: Say) -> None:
    path = memory.record_path(system)
    old = memory.record(system) or {}
    found = {key: value for key, value in {**old, **new}.items() if value or key == "builders"}
    try:
        if found and json.loads(json.dumps(found)) != old:
            system.make_directories(path.rpartition("/")[0], 0o755)
            system.write(path, json.dumps(found) + "\n", 0o644)
        elif old and not found:
            system.remove(path)
    except (ProvisionerError, OSError) as e:
        say(f"note: {path}: {e}")


def _set(host: Reader, made: Plan) -> dict[str, dict[str, str]]:
    """Return the settings of a plan, by file. An empty digest says that a setting was given back, or taken out."""
    found: dict[str, dict[str, str]] = {}
    for step in (s for c in made.changes if c.resource in SETTING for s in c.edits if isinstance(s, SetLeaf)):
        ours = step.keys[-1] in memory.STORES or step.keys in dict(memory.owned(host, step.path))
        digest = traces.digest(step.value) if ours and step.value is not None else ""
        found.setdefault(step.path, {})[json.dumps(step.keys)] = digest
    return found
