"""Write the record of what applies have made. It outlives the history, and says where to look."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from provisioner import secrets
from provisioner.builder import store, unwanted
from provisioner.config.desired import Desired
from provisioner.daemon import resource as daemon_resource
from provisioner.engine import facts, memory, traces
from provisioner.errors import ProvisionerError
from provisioner.host import System
from provisioner.image_store import resource as image_store_resource
from provisioner.model import Reader
from provisioner.runs import journal, leaves, older
from provisioner.runs.journal import Receipt
from provisioner.steps import Plan, Say
from provisioner.steps.files import SetLeaf
from provisioner.steps.programs import Run

SETTING = (daemon_resource.NAME, image_store_resource.NAME)


def write(system: System, wanted: Desired, made: Plan, receipt: int | None, say: Say) -> None:
    """Bring the record up to date after an apply. ``receipt`` is its entry. A failure does not fail the apply.

    A builder stays in the record without its users while its cache is there. What somebody registers later under that
    name is not ours.
    """
    try:
        seen = facts.gather(system, wanted, quick=True, far=False)
        found: dict[str, Any] = {}
        if seen.socket:  # emulators alone need no engine, and then nothing of it is known
            known = {name: dict.fromkeys(users) for name, users in seen.made.items()}
            for name, users in traces.told(system, seen.endpoint.address, receipt or 0).items():
                known[name] = {**known.get(name, {}), **dict.fromkeys(users)}
            here = dict(_here(system, seen, known))
            settings = _set(system, made)
            for path, keys in leaves.let_go(journal.read(system, receipt)) if receipt else ():
                settings.setdefault(path, {}).setdefault(json.dumps(keys), "")
            found |= traces.merged(system, memory.record(system), seen.endpoint.address, here, settings)
    except (ProvisionerError, OSError) as e:
        say(f"note: what this apply has made could not be recorded: {e}")
        return
    update(system, found, say)


def over(system: System, ended: Collection[Receipt], *, waits: bool = False) -> None:
    """Take out of the record what ended runs have registered and set.

    They are undone, or somebody keeps what they made. What other runs have made stays, also if their history is lost.
    ``waits``: what was put off stays, too, also if no run is in effect.
    """
    with suppress(ProvisionerError, OSError):
        known = memory.record(system) or {}
        still = [r for r in journal.every(system) if r.outcome not in journal.OVER]
        gone = _keys(ended) - _keys(still)
        unchanged = traces.pruned(system, known)
        settings = {f: {k: d for k, d in of.items() if (f, k) not in gone} for f, of in unchanged.items()}
        for file, rows in _again(system, ended, still).items():
            settings[file] = {**settings.get(file, {}), **rows}
        found = {
            "waiting": known.get("waiting") if still or waits else None,
            "settings": {file: of for file, of in settings.items() if of},
            "builders": {e: of for e in memory.engines(system) if (of := _left(system, e, ended, still))},
        }
        if any(found.values()):
            text = json.dumps({key: value for key, value in found.items() if value})
            system.write(memory.record_path(system), f"{text}\n", 0o644)
        else:
            system.remove(memory.record_path(system))


def _again(host: Reader, ended: Collection[Receipt], still: Collection[Receipt]) -> traces.Settings:
    """Return the settings that are ours still, because the ended runs had changed what was ours before them."""
    found: dict[str, dict[str, str]] = {}
    for receipt in sorted(ended, reverse=True):
        earlier = [run for run in (*still, *ended) if run.number < receipt.number]
        for step in (s for s in leaves.ours_again(receipt) if leaves.made_by(earlier, s)):
            found.setdefault(step.path, {})[json.dumps(step.keys)] = _digest(step)
    return traces.matching(host, found)


def _digest(step: SetLeaf) -> str:
    """Return what the record keeps of a value: nothing of a password, because everybody may read the record."""
    hidden = secrets.value(step.keys[-1], step.value) != step.value
    return "" if step.value is None or hidden else traces.digest(step.value)


def _keys(runs: Collection[Receipt]) -> set[tuple[str, str]]:
    """Return the settings that runs have made, as files and keys."""
    made = (m.step for receipt in runs for m in receipt.made)
    return {(step.path, json.dumps(step.keys)) for step in made if isinstance(step, SetLeaf)}


def _left(
    host: Reader, engine: str, ended: Collection[Receipt], still: Collection[Receipt]
) -> dict[str, tuple[str, ...]]:
    """Return the builders of an engine with the users for whom others than the ended runs have registered them.

    A run in effect, or one whose entry is lost, may have registered a builder that an ended run removed, and that is
    back now.
    """
    gone = _registered(ended) - _registered(still)
    found = memory.builders(host, engine)
    left = {name: tuple(u for u in users if (name, u) not in gone) for name, users in found.items()}
    kept = {name: users for name, users in left.items() if users or not found[name]}
    back = {name: [*users] for name, users in traces.told(host, engine).items()}
    for name, user in older.forgotten(run for run in ended if run.desired.engine in (engine, "auto")):
        if _stored(host, name, user):
            back.setdefault(name, []).append(user)
    return {name: tuple(dict.fromkeys((*kept.get(name, ()), *back.get(name, ())))) for name in (*kept, *back)}


def _stored(host: Reader, name: str, user: str) -> bool:
    """Return whether a builder is in a user's store."""
    account = host.account(user)
    return account is not None and host.status(store.of(host, account).instance_file(name)) is not None


def _registered(runs: Collection[Receipt]) -> set[tuple[str, str]]:
    """Return the builders that runs have registered, each with a user."""
    undoes = (step for receipt in runs for step in receipt.undo if isinstance(step, Run))
    return {(run.argv[-1], run.user or "root") for run in undoes if run.argv[:-1] == traces.FORGET}


def _here(
    host: Reader, seen: facts.Facts, known: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the builders that are registered, each with its users, and those of which only the cache is there."""
    for name, users in known.items():
        there = tuple(user for user in users if unwanted.registered(host, name, user, seen.endpoint.host))
        if there or host.get(seen.socket, f"/volumes/{unwanted.volume(name)}") is not None:
            yield name, there


def update(system: System, new: dict[str, Any], say: Say) -> bool:
    """Write some fields of the record. Return whether that was possible. A failure is said, and fails nothing."""
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
        return False
    return True


def _set(host: Reader, made: Plan) -> dict[str, dict[str, str]]:
    """Return the settings of a plan, by file. An empty digest says that a setting was given back, or taken out.

    A setting with a password has none either.
    """
    found: dict[str, dict[str, str]] = {}
    for step in (s for c in made.changes if c.resource in SETTING for s in c.edits if isinstance(s, SetLeaf)):
        ours = step.keys[-1] in memory.STORES or step.keys in dict(memory.owned(host, step.path))
        found.setdefault(step.path, {})[json.dumps(step.keys)] = _digest(step) if ours else ""
    return found
