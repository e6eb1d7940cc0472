"""Leaves of daemon.json that the configuration wants there, each owned by itself.

What stood there before is remembered (``facts.memory``) and comes back when the configuration no longer names the leaf.
Where /info shows what is in effect, that is a key of its own.
"""

import json
from collections.abc import Mapping
from typing import Any

from provisioner import daemonjson, jsontext, service
from provisioner.acts import Change, Held, Reload, Restart, WriteFile
from provisioner.daemonjson import Keys
from provisioner.desired import Desired
from provisioner.errors import ConfigError, DeniedError
from provisioner.facts import Facts, memory
from provisioner.model import Difference, Reader, State, Unknown, Value

NAME = "daemon"
EFFECT = " in effect"
# What dockerd reads again at a SIGHUP (moby's daemon/reload.go), less what is then only half in effect: of features it
# takes the map and no store, of a missing authorization plug-in it dies.
RELOADABLE = frozenset((
    *("debug", "labels", "live-restore", "shutdown-timeout", "default-stop-timeout", "network-diagnostic-port"),
    *("max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts"),
    *("runtimes", "default-runtime", "default-shm-size", "insecure-registries", "registry-mirrors"),
))  # fmt: skip
RELOADS_SINCE = {"default-stop-timeout": (29,)}


def want(desired: Desired, facts: Facts) -> State:
    """Each leaf with its value; one that is no longer asked for with the value that stood there before."""
    asked = dict(leaves(desired.daemon))
    wanted = {name(keys): flat(value) for keys, value in asked.items()}
    wanted |= {name(keys): flat(before) for keys, before in facts.owned if keys not in asked}
    shown = facts.engine.shown
    return wanted | {
        name(k) + EFFECT: _unordered(v) for k, v in asked.items() if shown.get(k[0]) is not None and v is not None
    }


def have(host: Reader, facts: Facts, want: State) -> State:
    """What daemon.json says, and what the engine shows of it; a sentence where the file cannot be taken."""
    if not want:
        return {}
    shown: dict[str, Value] = {key + EFFECT: _unordered(value) for key, value in facts.engine.shown.items()}
    try:
        found = daemonjson.load(host, facts)
    except (ConfigError, DeniedError) as e:
        said = Unknown(e.message) if isinstance(e, DeniedError) else e.message
        return shown | {key: said for key in want if not key.endswith(EFFECT)}
    return {**shown, **{name(keys): flat(value) for keys, value in leaves(found)}, **_objects(found, want)}


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> Change:
    """Set what differs; reload where that is enough, else restart once, if policy lets us."""
    if facts.site.closed or facts.flavour.site is None:
        reason = f"{facts.flavour.title}: its daemon.json is not ours to edit"
        return Change(NAME, differences, held=tuple(Held(d.key, reason, facts.flavour.daemon) for d in differences))
    wanted = _wanted(desired, facts, differences)
    in_effect = {d.key.removesuffix(EFFECT).split(".")[0] for d in differences if d.key.endswith(EFFECT)}
    roots = {keys[0] for keys in wanted} | in_effect
    reload = all(_reloads(root, facts) for root in roots) and service.reloads(host, facts.site)
    found, reasons = _judge(host, facts, desired, wanted, reload=reload)
    if reasons:
        return Change(NAME, differences, held=tuple(Held(d.key, *why) for d in differences for why in reasons))
    edits = daemonjson.edits(host, facts, wanted)
    if wanted:
        edits.insert(0, WriteFile(memory(host), _owned(host, facts, desired, wanted, found), 0o600))
    if not reload and service.nobody(host, facts.site):
        owed = Held("restart", "the daemon must be restarted, and nobody runs this host's services", service.OWED)
        return Change(NAME, differences, tuple(edits), held=(owed,))
    kind = Reload if reload else Restart
    settle = kind(facts.site.unit, facts.socket, flavour=facts.engine.flavour)
    return Change(NAME, differences, tuple(edits), (settle,))


def leaves(found: Mapping[str, Any], above: Keys = ()) -> list[tuple[Keys, Any]]:
    """Every leaf with its path. A list is a leaf, an object only when it is empty."""
    every: list[tuple[Keys, Any]] = []
    for key, value in found.items():
        inner = isinstance(value, dict) and value
        every += leaves(value, (*above, key)) if inner else [((*above, key), value)]
    return every


def name(keys: Keys) -> str:
    """What a person calls a leaf."""
    return ".".join(keys)


def flat(value: Any) -> Value:
    """A value that can be compared and printed; of what has parts, its JSON."""
    return value if isinstance(value, bool | int | str | None) else json.dumps(value, sort_keys=True)


def _unordered(value: Any) -> Value:
    """A value in effect: after a reload dockerd gives labels in any order."""
    return flat(sorted(value, key=str) if isinstance(value, list) else value)


def _objects(found: dict[str, Any], want: State) -> State:
    """Objects that stand where a leaf is wanted."""
    there = ((key, jsontext.leaf(found, tuple(key.split(".")))) for key in want)
    return {key: flat(value) for key, value in there if isinstance(value, dict)}


def _wanted(desired: Desired, facts: Facts, differences: tuple[Difference, ...]) -> dict[Keys, Any]:
    """The leaves that are not in daemon.json as they should be."""
    wrong = {d.key for d in differences}
    asked = dict(leaves(desired.daemon))
    given_back = {keys: before for keys, before in facts.owned if keys not in asked}
    return {keys: value for keys, value in (asked | given_back).items() if name(keys) in wrong}


def _reloads(root: str, facts: Facts) -> bool:
    version = facts.engine.version
    return root in RELOADABLE and (version is None or version >= RELOADS_SINCE.get(root, (0,)))


def _judge(
    host: Reader, facts: Facts, desired: Desired, wanted: dict[Keys, Any], *, reload: bool
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What daemon.json holds, and everything that is in the way of changing it."""
    from provisioner import conflicts, policy  # a check needs neither

    try:
        found = daemonjson.load(host, facts, *wanted)
    except ConfigError as e:
        return {}, [(e.message, e.hint or "put the file right")]
    scene = conflicts.look(host, facts, found)
    reasons = conflicts.named(scene, store=False)
    text = daemonjson.after(tuple(daemonjson.edits(host, facts, wanted)), facts.daemon_json)
    if not reasons and text is not None and (words := service.validate(host, text, scene.start)):
        reasons = [(f"dockerd would not start: {words}", f"see daemon: in the configuration, and {facts.site.unit}")]
    restarts = not reload and not service.nobody(host, facts.site)
    if not reasons and restarts and (why := policy.held(host, facts, desired)):
        reasons = [why]
    return found, reasons


def _owned(host: Reader, facts: Facts, desired: Desired, wanted: dict[Keys, Any], found: dict[str, Any]) -> str:
    """The memory of what is ours, after this change."""
    asked = dict(leaves(desired.daemon))
    before = {keys: jsontext.leaf(found, keys) for keys in wanted if keys in asked}
    kept = {keys: old for keys, old in facts.owned if keys in asked}
    try:
        known = json.loads(host.read(memory(host)) or "{}")
    except ValueError:
        known = {}
    return json.dumps({**known, facts.daemon_json: [[k, v] for k, v in {**before, **kept}.items()]}) + "\n"
