"""Find everything that prevents a change of daemon.json, from syntax errors to the restart window."""

from typing import Any

from provisioner.config.desired import Desired
from provisioner.daemon import edits, file, inventory, losses, managers, obstacles, policy, scene, validation
from provisioner.daemon.keys import Path
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError
from provisioner.model import Reader
from provisioner.steps import Obstacle


def unreadable(host: Reader, facts: Facts, wanted: dict[Path, Any]) -> Obstacle | None:
    """Return the obstacle if daemon.json cannot be edited as it is, else None."""
    try:
        file.load(host, facts, *wanted)
    except ConfigError as e:
        return Obstacle("unreadable", e.message, e.hint or "put the file right")
    return None


def judge(
    host: Reader, facts: Facts, desired: Desired, wanted: dict[Path, Any], roots: set[str], *, reload: bool
) -> tuple[dict[str, Any], list[Obstacle]]:
    """Return the content of daemon.json and all obstacles. ``roots`` are the top-level keys that change."""
    if broken := unreadable(host, facts, wanted):
        return {}, [broken]
    found = file.load(host, facts, *wanted)
    looked = scene.look(host, facts, found)
    against = obstacles.named(looked, store=False)
    text = edits.after(tuple(edits.steps(host, facts, wanted)), facts.daemon_json)
    if not against and text is not None:
        hint = f"see daemon: in the configuration, and {facts.layout.unit}"
        refused = validation.obstacle(host, text, looked.start, hint)
        against = [refused] if refused else []
    if not against and not host.asleep and (moved := sorted(roots & losses.HIDING.keys())):
        volumes = bool(roots & losses.HIDING_VOLUMES)
        why = inventory.refusal(host, facts, desired, f"changing {', '.join(moved)}", volumes=volumes)
        against = [why] if why else []
    restarts = not reload and not managers.nobody(host, facts.layout)
    if not against and restarts and (why := policy.obstacle(host, facts, desired)):
        against = [why]
    return found, against
