"""What it takes to set leaves of daemon.json: what is in the way, the edits, a reload or the one restart."""

import json
from typing import Any

from provisioner.config.desired import Desired
from provisioner.daemon import edits, managers
from provisioner.daemon.file import EFFECT, Keys, leaves, name
from provisioner.daemon.judgment import judge
from provisioner.daemon.restart import Reload, Restart
from provisioner.engine import memory
from provisioner.engine.facts import Facts
from provisioner.model import Difference, Reader
from provisioner.steps import Change, Obstacle
from provisioner.steps.files import WriteFile
from provisioner.text import json_read

# What dockerd reads again at a SIGHUP (moby's daemon/reload.go), less what is then only half in effect: of features it
# takes the map and no store, of a missing authorization plug-in it dies.
RELOADABLE = frozenset((
    *("debug", "labels", "live-restore", "shutdown-timeout", "default-stop-timeout", "network-diagnostic-port"),
    *("max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts"),
    *("runtimes", "default-runtime", "default-shm-size", "insecure-registries", "registry-mirrors"),
))  # fmt: skip
RELOADS_SINCE = {"default-stop-timeout": (29,)}


def change(resource: str, host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> Change:
    """Set what differs; reload where that is enough, else restart once, if policy lets us."""
    if facts.layout.closed or facts.kind.layout is None:
        message = f"{facts.kind.title}: its daemon.json is not ours to edit"
        foreign = Obstacle("not-ours", message, facts.kind.daemon)
        return Change(resource, differences, blocked=foreign.blocks(*(d.key for d in differences)))
    wanted = _wanted(desired, facts, differences)
    in_effect = {d.key.removesuffix(EFFECT).split(".")[0] for d in differences if d.key.endswith(EFFECT)}
    roots = {keys[0] for keys in wanted} | in_effect
    reload = all(_reloads(root, facts) for root in roots) and managers.reloads(host, facts.layout)
    found, obstacles = judge(host, facts, desired, wanted, reload=reload)
    if obstacles:
        keys = [d.key for d in differences]
        return Change(resource, differences, blocked=tuple(b for o in obstacles for b in o.blocks(*keys)))
    steps = edits.steps(host, facts, wanted)
    if wanted:
        steps.insert(0, WriteFile(memory.path(host), _owned(host, facts, desired, wanted, found), 0o600))
    if not reload and managers.nobody(host, facts.layout):
        return Change(resource, differences, tuple(steps), blocked=managers.OWED.blocks("restart"))
    step = Reload if reload else Restart
    restart = step(facts.layout.unit, facts.socket, flavour=facts.engine.kind)
    return Change(resource, differences, tuple(steps), restart)


def _wanted(desired: Desired, facts: Facts, differences: tuple[Difference, ...]) -> dict[Keys, Any]:
    """The leaves that are not in daemon.json as they should be."""
    wrong = {d.key for d in differences}
    asked = dict(leaves(desired.daemon))
    given_back = {keys: before for keys, before in facts.owned if keys not in asked}
    return {keys: value for keys, value in (asked | given_back).items() if name(keys) in wrong}


def _reloads(root: str, facts: Facts) -> bool:
    version = facts.engine.version
    return root in RELOADABLE and (version is None or version >= RELOADS_SINCE.get(root, (0,)))


def _owned(host: Reader, facts: Facts, desired: Desired, wanted: dict[Keys, Any], found: dict[str, Any]) -> str:
    """The memory of what is ours, after this change."""
    asked = dict(leaves(desired.daemon))
    before = {keys: json_read.leaf(found, keys) for keys in wanted if keys in asked}
    kept = {keys: old for keys, old in facts.owned if keys in asked}
    try:
        known = json.loads(host.read(memory.path(host)) or "{}")
    except ValueError:
        known = {}
    return json.dumps({**known, facts.daemon_json: [[k, v] for k, v in {**before, **kept}.items()]}) + "\n"
