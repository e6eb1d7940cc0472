"""What prevents a switch of the image store, and what must happen before it."""

from typing import Any, NamedTuple

from provisioner.config.desired import Desired
from provisioner.daemon import desktop, file, inventory, policy, scene, validation
from provisioner.daemon import obstacles as daemon_obstacles
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError
from provisioner.image_store import consequences, migration, room
from provisioner.image_store.wanted import FIRST
from provisioner.model import Reader
from provisioner.steps import Obstacle, Step
from provisioner.text import json_edit

CHOICE = "set image_store: {existing: migrate} to copy the images first, or {existing: hide} to leave them behind"


class Way(NamedTuple):
    """The obstacles to a change, the steps before it, notes for a person, and what may fail without harm."""

    obstacles: tuple[Obstacle, ...] = ()
    before: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    first: tuple[Step, ...] = ()


def way(host: Reader, facts: Facts, desired: Desired, *, switch: bool) -> Way:
    """Return the obstacles to a switch of the store now, and the steps and notes that go with it."""
    version = facts.engine.version
    if version is not None and version < FIRST:
        message = (
            f"engine {facts.engine.version_text} has no containerd image store (24.0 brought it): an image of its own"
            " holds one platform; the builder still builds and pushes all of them"
        )
        hint = "upgrade the engine to 24 or newer, or say image_store: {backend: unmanaged}"
        return Way((Obstacle("engine-too-old", message, hint),))
    try:
        found = file.load(host, facts, facts.leaf)
    except ConfigError as e:
        return Way((Obstacle("unreadable", e.message, e.hint or "put the file right"),))
    if found_obstacles := (_against_settings if facts.layout.closed else _against_daemon)(host, facts, found):
        return Way(tuple(found_obstacles))
    if not switch:
        return Way()
    why = policy.obstacle(host, facts, desired)
    if desired.image_store.existing == "migrate":
        carried = migration.plan(host, facts, desired)
        notes = (*consequences.notes(host, facts), *carried.notes)
        return Way((*carried.obstacles, *((why,) if why else ())), carried.steps, notes, carried.first)
    refused = inventory.refusal(host, facts, desired, "the switch")
    if refused and migration.impossible(host, facts, packages=desired.packages != "never") is None:
        refused = refused._replace(hint=CHOICE)
    why = refused or room.no_room(host, facts, 0) or why
    more = tuple(desktop.notes(host, found)) if facts.layout.closed else ()
    hidden = tuple(filter(None, (inventory.note(host, facts, desired, "the switch"),)))
    return Way((why,) if why else (), notes=(*hidden, *consequences.notes(host, facts), *more))


def _against_settings(host: Reader, facts: Facts, found: dict[str, Any]) -> list[Obstacle]:
    """Return the obstacles to a change of settings that are edited while the engine is stopped."""
    return list(desktop.obstacles(host, facts, found))


def _against_daemon(host: Reader, facts: Facts, found: dict[str, Any]) -> list[Obstacle]:
    """Return the obstacles in daemon.json, else the daemon's own errors about the new text."""
    looked = scene.look(host, facts, found, switch=True)
    if named := daemon_obstacles.named(looked, store=True):
        return named
    text = json_edit.put(file.text(host, facts) or "", facts.leaf, True)
    refused = validation.obstacle(host, text, looked.start, f"see {facts.daemon_json} and {facts.layout.unit}")
    return [refused] if refused else []
