"""What it takes to switch the image store: what is in the way, what comes first, one leaf, one restart."""

from typing import Any, NamedTuple

from provisioner.config.desired import Desired
from provisioner.daemon import changes, conflicts, desktop, file, policy, service
from provisioner.daemon.desktop_control import Start, Stop
from provisioner.daemon.restart import Restart
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError
from provisioner.image_store import inventory, migration
from provisioner.image_store.keys import CONFIGURED, FIRST, IN_EFFECT
from provisioner.image_store.trial import TryStore
from provisioner.model import Difference, Reader
from provisioner.steps import Change, Obstacle, Step
from provisioner.text import json_edit


class Way(NamedTuple):
    """What is in the way of a change, and what is done all the same: steps before it, sentences beside it."""

    obstacles: tuple[Obstacle, ...] = ()
    before: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


def change(resource: str, host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> Change:
    """Set one leaf, restart once where the store is not yet in effect, and try it: 24 to 28 start with a broken one."""
    keys = [d.key for d in differences]
    if facts.kind.layout is None:
        message = f"{facts.kind.title}: its configuration is not ours to edit"
        hint = f"{facts.kind.advice}: {facts.kind.command}"
        return Change(resource, differences, blocked=Obstacle("not-ours", message, hint).blocks(*keys))
    switch = any(d.key == IN_EFFECT for d in differences)
    way = _way(host, facts, desired, switch=switch)
    if blocked := tuple(b for obstacle in way.obstacles for b in obstacle.blocks(*keys)):
        return Change(resource, differences, way.before, blocked=blocked, notes=way.notes)
    edit = any(d.key == CONFIGURED for d in differences)
    set_leaf = changes.edits(host, facts, {facts.leaf: True}) if edit or facts.layout.closed else ()
    trial = tuple(TryStore(facts.socket, platform, facts.within) for platform in facts.native[:1])
    if facts.layout.closed:
        named = (facts.layout.unit, facts.socket)
        closed = (*way.before, Stop(*named), *set_leaf, Start(*named))
        return Change(resource, differences, closed, notes=way.notes, hides=True, trial=trial)
    edits = (*way.before, *set_leaf)
    if switch and service.nobody(host, facts.layout):
        return Change(resource, differences, edits, blocked=service.OWED.blocks(IN_EFFECT), notes=way.notes)
    if not switch:
        return Change(resource, differences, edits, notes=way.notes)
    restart = Restart(facts.layout.unit, facts.socket, flavour=facts.engine.kind)
    return Change(resource, differences, edits, restart, notes=way.notes, hides=True, trial=trial)


def _way(host: Reader, facts: Facts, desired: Desired, *, switch: bool) -> Way:
    """Everything that speaks against switching the store now, and what to do; no obstacles: nothing does."""
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
        return Way((*carried.obstacles, *((why,) if why else ())), carried.steps, carried.notes)
    why = inventory.refusal(host, facts, desired) or why
    return Way((why,) if why else (), notes=tuple(desktop.notes(host, found)) if facts.layout.closed else ())


def _against_settings(host: Reader, facts: Facts, found: dict[str, Any]) -> list[Obstacle]:
    """What is in the way of settings that are edited while the engine is stopped."""
    return list(desktop.obstacles(host, facts, found))


def _against_daemon(host: Reader, facts: Facts, found: dict[str, Any]) -> list[Obstacle]:
    """What is in daemon.json's way, or what the daemon itself has against the candidate."""
    scene = conflicts.look(host, facts, found, switch=True)
    if named := conflicts.named(scene, store=True):
        return named
    text = json_edit.put(file.text(host, facts) or "", facts.leaf, True)
    words = service.validate(host, text, scene.start)
    hint = f"see {facts.daemon_json} and {facts.layout.unit}"
    return [Obstacle("would-not-start", f"dockerd would not start: {words}", hint)] if words else []
