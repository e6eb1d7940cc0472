"""Plan the switch of the image store: find obstacles, copy images first, set one key, and restart once."""

from provisioner.config.desired import Desired
from provisioner.daemon import edits, managers
from provisioner.daemon.ask_again import AskAgain
from provisioner.daemon.desktop_control import Start, Stop
from provisioner.daemon.restart import Restart
from provisioner.engine.facts import Facts
from provisioner.image_store import obstacles
from provisioner.image_store.obstacles import Way
from provisioner.image_store.trial import TryStore
from provisioner.image_store.wanted import CONFIGURED, IN_EFFECT
from provisioner.model import Difference, Reader
from provisioner.steps import Change, Obstacle


def change(resource: str, host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> Change:
    """Set one key, restart once if the store is not active yet, and test the store.

    The test is necessary because engines 24 to 28 start with a broken store.
    """
    if facts.kind.layout is None:
        message = f"{facts.kind.title}: its configuration is not ours to edit"
        hint = f"{facts.kind.advice}: {facts.kind.command}"
        return Change(
            resource, differences, blocked=Obstacle("not-ours", message, hint).blocks(*(d.key for d in differences))
        )
    way = obstacles.way(host, facts, desired, switch=any(d.key == IN_EFFECT for d in differences))
    return _change(resource, host, facts, desired, differences, way)._replace(first=way.first)


def _change(
    resource: str, host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...], way: Way
) -> Change:
    """Return the change of an engine whose configuration may be edited."""
    keys = [d.key for d in differences]
    switch = IN_EFFECT in keys
    if blocked := tuple(b for obstacle in way.obstacles for b in obstacle.blocks(*keys)):
        return Change(resource, differences, way.before, blocked=blocked, notes=way.notes)
    edit = any(d.key == CONFIGURED for d in differences)
    set_leaf = edits.steps(host, facts, {facts.leaf: True}) if edit or facts.layout.closed else ()
    trial = tuple(TryStore(facts.socket, platform, facts.within) for platform in facts.native[:1])
    if facts.layout.closed:
        named = (facts.layout.unit, facts.socket)
        closed = (*way.before, Stop(*named), *set_leaf, Start(*named))
        return Change(resource, differences, closed, notes=way.notes, hides=True, trial=trial)
    steps = (*way.before, *set_leaf)
    if switch and managers.nobody(host, facts.layout):
        return Change(resource, differences, steps, blocked=managers.OWED.blocks(IN_EFFECT), notes=way.notes)
    if not switch:
        return Change(resource, differences, steps, notes=way.notes)
    steps = (*steps, AskAgain.of(facts, desired, hides=True))
    restart = Restart(facts.layout.unit, facts.socket, flavour=facts.engine.kind)
    return Change(resource, differences, steps, restart, notes=way.notes, hides=True, trial=trial)
