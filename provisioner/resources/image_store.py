"""The image store: containerd's, so that an image can hold several platforms.

Judged by what is in effect. The file is a second key: a store that is on while its key is gone goes off at the next
start (24 to 28), or may (29, on a host that once used a graph driver).
"""

import itertools
from typing import Any, NamedTuple

from provisioner import engine, jsontext, service
from provisioner.desired import Desired
from provisioner.errors import ConfigError, DeniedError
from provisioner.facts import DAEMON_JSON, Facts
from provisioner.model import Change, Difference, Held, MakeDirectory, Reader, Restart, SetLeaf, State, Step, Value

NAME = "image store"
LEAF = ("features", "containerd-snapshotter")
IN_EFFECT = "in effect"
CONFIGURED = "containerd-snapshotter in daemon.json"
FIRST = (24,)  # the first engine that knows the feature
DEFAULT = (29,)  # the first one that has it on by itself


class Conflict(NamedTuple):
    """A setting that the feature does not go with, as a daemon.json key and as a flag."""

    key: str
    flag: str
    what: str
    hint: str


CONFLICTS = (
    Conflict("userns-remap", "--userns-remap", "it does not go with the containerd image store", "take it away first"),
    Conflict(
        "storage-driver",
        "--storage-driver",
        "a graph driver named there breaks every run with the containerd image store, or the daemon's start",
        "take it away first; the containerd store chooses overlayfs by itself",
    ),
)


def want(desired: Desired, facts: Facts) -> State:
    """The store in effect, and the key wherever the engine needs it to come up like that again."""
    if desired.image_store.backend == "unmanaged":
        return {}
    if needs_key(facts):
        return {IN_EFFECT: "containerd", CONFIGURED: True}
    return {IN_EFFECT: "containerd"}


def needs_key(facts: Facts) -> bool:
    """Whether this engine comes up with the containerd store only if daemon.json says so."""
    return facts.prior or engine.store(facts.engine) != "containerd" or not (facts.engine.version or FIRST) >= DEFAULT


def have(host: Reader, facts: Facts, want: State) -> State:
    """What is in effect, and what daemon.json says."""
    if not want:
        return {}
    return {IN_EFFECT: engine.store(facts.engine), CONFIGURED: _configured(host, facts)}


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> Change:
    """Set one leaf, restart once where the store is not yet in effect."""
    switch = any(d.key == IN_EFFECT for d in differences)
    held = _held(host, facts, desired, switch)
    if held:
        return Change(NAME, differences, held=tuple(Held(d.key, *held) for d in differences))
    edits: list[Step] = []
    text = host.read(facts.daemon_json)
    if any(d.key == CONFIGURED for d in differences):
        folder = facts.daemon_json.rpartition("/")[0]
        if host.stat(folder) is None:
            edits.append(MakeDirectory(folder))
        after = jsontext.put(text or "", LEAF, True)
        edits.append(SetLeaf(facts.daemon_json, LEAF, True, text, after))
    settle = (Restart(service.UNIT, facts.socket),) if switch else ()
    return Change(NAME, differences, tuple(edits), settle)


def _configured(host: Reader, facts: Facts) -> Value:
    """The key's value; None where it is missing; a sentence where the file cannot be taken as it is."""
    if {LEAF[1], f"{LEAF[1]}=true"} & set(_features(facts.flags)):
        return True
    try:
        text = host.read(facts.daemon_json)
        value = jsontext.leaf(jsontext.load(text or "", facts.daemon_json), LEAF)
    except (ConfigError, DeniedError) as e:
        return e.message
    return value if isinstance(value, bool) or value is None else f"{value!r}, which is no boolean"


def _features(flags: tuple[str, ...]) -> list[str]:
    """What the running daemon was given with --feature, in either spelling."""
    after = [b for a, b in itertools.pairwise(flags) if a == "--feature"]
    return after + [f.removeprefix("--feature=") for f in flags if f.startswith("--feature=")]


def _held(host: Reader, facts: Facts, desired: Desired, switch: bool) -> tuple[str, str] | None:
    """Why the store may not be switched now, and what to do; None: nothing speaks against it."""
    version = facts.engine.version
    if version is not None and version < FIRST:
        return (
            f"engine {facts.engine.version_text} has no containerd image store (24.0 brought it): an image of its own"
            " holds one platform; the builder still builds and pushes all of them",
            "upgrade the engine to 24 or newer, or say image_store: {backend: unmanaged}",
        )
    try:
        text = host.read(facts.daemon_json) or ""
        found = jsontext.load(text, facts.daemon_json)
    except ConfigError as e:
        return e.message, e.hint or "put the file right"
    return _conflict(host, facts, found) or (_refusal(host, facts, desired) if switch else None) or _invalid(host, text)


def _conflict(host: Reader, facts: Facts, found: dict[str, Any]) -> tuple[str, str] | None:
    flags = service.command(host)
    path = facts.daemon_json
    if jsontext.leaf(found, LEAF) is False:
        hint = f"somebody decided that; take {LEAF[1]} out of {path} when it no longer holds"
        return f"{path}: {'.'.join(LEAF)} is explicitly false", hint
    features = found.get("features")
    if features is not None and not isinstance(features, dict):
        return f"{path}: features is no object", "dockerd would refuse it, too; put it right"
    if any(f == "--feature" or f.startswith("--feature=") for f in flags):
        return f"{service.UNIT} passes --feature, which cannot stand beside the file's", "set the feature there"
    for conflict in CONFLICTS:
        named = found.get(conflict.key)
        if named and (conflict.key != "storage-driver" or named in engine.GRAPH_DRIVERS):
            return f"{path}: {conflict.key} is {named!r}: {conflict.what}", conflict.hint
        if any(f == conflict.flag or f.startswith(f"{conflict.flag}=") for f in flags):
            return f"{service.UNIT} passes {conflict.flag}: {conflict.what}", conflict.hint
    return None


def _refusal(host: Reader, facts: Facts, desired: Desired) -> tuple[str, str] | None:
    """What the policy has against a switch: things that it would hide, containers that it would stop."""
    if not service.by_systemd(host):
        return "this host is not run by systemd, so the daemon cannot be restarted", "restart it after setting the key"
    ours = f"/buildx_buildkit_{desired.builder.name}"
    containers = host.get(facts.socket, "/containers/json?all=1") or ()
    others = [c for c in containers if not any(n.startswith(ours) for n in c.get("Names") or ())]
    images = {i["Id"] for i in host.get(facts.socket, "/images/json") or ()}
    images -= {c.get("ImageID") for c in containers if c not in others}
    if desired.image_store.existing == "refuse" and (images or others):
        reason = f"the switch would hide {len(images)} images and {len(others)} containers of the store in use"
        return reason, "save or push what is needed, then say image_store: {existing: hide}"
    running = sorted(c["Names"][0].lstrip("/") for c in others if c.get("State") == "running")
    if desired.restart == "never":
        return "the daemon must be restarted, and restart is never", "say restart: if-idle, or always"
    if desired.restart == "if-idle" and running:
        reason = f"the daemon must be restarted while {', '.join(running[:5])} run"
        return reason, "stop them, or say restart: always"
    return None


def _invalid(host: Reader, text: str) -> tuple[str, str] | None:
    """What dockerd itself has against the file as it would be."""
    words = service.validate(host, jsontext.put(text, LEAF, True))
    return None if words is None else (f"dockerd would not start: {words}", f"see {DAEMON_JSON} and {service.UNIT}")
