"""Plan a change of daemon.json's keys: find obstacles, edit the file, and reload or restart the daemon."""

import json
from typing import Any

from provisioner.config.desired import Desired
from provisioner.daemon import edits, inventory, losses, managers, reloads
from provisioner.daemon.ask_again import AskAgain
from provisioner.daemon.file import leaves
from provisioner.daemon.judgment import judge, unreadable
from provisioner.daemon.keys import Key, Path, words
from provisioner.daemon.restart import Reload, Restart
from provisioner.daemon.wanted import given_back, want
from provisioner.engine import memory
from provisioner.engine.facts import Facts
from provisioner.model import Difference, Reader
from provisioner.steps import Change, Obstacle
from provisioner.steps.files import WriteFile
from provisioner.text import json_read, tolerant


def change(resource: str, host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> Change:
    """Set the keys that differ. Reload the daemon if that is enough, else restart it once if the policy allows it."""
    if facts.layout.closed or facts.kind.layout is None:
        message = f"{facts.kind.title}: its daemon.json is not ours to edit"
        foreign = Obstacle("not-ours", message, facts.kind.daemon)
        return Change(resource, differences, blocked=foreign.blocks(*(d.key for d in differences)))
    wanted = _wanted(desired, facts, differences)
    wrong = {d.key for d in differences}
    roots = {key.path[0] for key in want(desired, facts).fields if words(key) in wrong}
    steps = [] if unreadable(host, facts, wanted) else edits.steps(host, facts, wanted)
    reload = managers.reloads(host, facts.layout) and reloads.enough(host, facts, roots, tuple(steps))
    reload = reload and reloads.knows(host, facts)
    found, obstacles = judge(host, facts, desired, wanted, roots, reload=reload)
    moved = sorted(roots & losses.HIDING.keys())
    volumes = bool(roots & losses.HIDING_VOLUMES)
    lost = inventory.note(host, facts, desired, f"changing {', '.join(moved)}", volumes=volumes) if moved else ""
    notes = (*losses.notes(roots), *filter(None, (lost,)))
    if obstacles:
        keys = [d.key for d in differences]
        blocked = tuple(b for o in obstacles for b in o.blocks(*keys))
        return Change(resource, differences, blocked=blocked, notes=notes)
    if wanted:
        steps.insert(0, WriteFile(memory.path(host), _owned(host, facts, desired, wanted, found), 0o600))
    if not reload and managers.nobody(host, facts.layout):
        return Change(resource, differences, tuple(steps), blocked=managers.OWED.blocks("restart"), notes=notes)
    named = (facts.layout.unit, facts.socket)
    if not reload:
        again = AskAgain.of(facts, desired, hides=bool(moved))
        restart = Restart(*named, flavour=facts.engine.kind)
        return Change(resource, differences, (*steps, again), restart, notes=notes, hides=bool(moved))
    return Change(resource, differences, tuple(steps), Reload(*named, flavour=facts.engine.kind), notes=notes)


def _wanted(desired: Desired, facts: Facts, differences: tuple[Difference, ...]) -> dict[Path, Any]:
    """Return the keys whose value in daemon.json is wrong, each with its desired value."""
    wrong = {d.key for d in differences}
    every = dict(leaves(desired.daemon)) | given_back(desired, facts)
    return {keys: value for keys, value in every.items() if words(Key(keys)) in wrong}


def _owned(host: Reader, facts: Facts, desired: Desired, wanted: dict[Path, Any], found: dict[str, Any]) -> str:
    """Return the text of the file that records which keys are ours, as it will be after this change."""
    asked = dict(leaves(desired.daemon))
    before = {keys: json_read.leaf(found, keys) for keys in wanted if keys in asked}
    kept = {keys: old for keys, old in facts.owned if keys in asked or "settings" in desired.keep}
    known = tolerant.mapping(host.read(memory.path(host)))
    return json.dumps({**known, facts.daemon_json: [[k, v] for k, v in {**before, **kept}.items()]}) + "\n"
