"""The image store: containerd's, so that an image can hold several platforms.

Judged by what is in effect. The file is a second key: a store that is on while its key is gone goes off at the next
start (24 to 28), or may (29, on a host that once used a graph driver).
"""

import itertools
from typing import NamedTuple

from provisioner import daemonjson, engine, jsontext, service
from provisioner.acts import Change, Held, Restart, Step, TryStore
from provisioner.desired import Desired
from provisioner.errors import ConfigError, DeniedError
from provisioner.facts import Facts
from provisioner.model import Difference, Reader, State, Unknown, Value

NAME = "image store"
FEATURE = "containerd-snapshotter"
IN_EFFECT = "in effect"
CONFIGURED = "containerd-snapshotter in daemon.json"
FIRST = (24,)  # the first engine that knows the feature
DEFAULT = (29,)  # the first one that has it on by itself


def want(desired: Desired, facts: Facts) -> State:
    """The store in effect, and the key wherever the engine needs it to come up like that again."""
    if desired.image_store.backend == "unmanaged" or not facts.flavour.store:
        return {}
    if facts.flavour.site is not None and not facts.site.closed and needs_key(facts):
        return {IN_EFFECT: "containerd", CONFIGURED: True}
    return {IN_EFFECT: "containerd"}


def needs_key(facts: Facts) -> bool:
    """Whether this engine comes up with the containerd store only if daemon.json says so."""
    return facts.prior or engine.store(facts.engine) != "containerd" or not (facts.engine.version or FIRST) >= DEFAULT


def have(host: Reader, facts: Facts, want: State) -> State:
    """What is in effect, and what daemon.json says."""
    if not want:
        return {}
    if CONFIGURED not in want:
        return {IN_EFFECT: engine.store(facts.engine)}
    return {IN_EFFECT: engine.store(facts.engine), CONFIGURED: _configured(host, facts)}


class Way(NamedTuple):
    """What is in the way of a change, and what is done all the same: steps before it, sentences beside it."""

    reasons: tuple[tuple[str, str], ...] = ()
    before: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> Change:
    """Set one leaf, restart once where the store is not yet in effect, and try it: 24 to 28 start with a broken one."""
    if facts.flavour.site is None:
        reason = f"{facts.flavour.title}: its configuration is not ours to edit"
        hint = f"{facts.flavour.advice}: {facts.flavour.command}"
        return Change(NAME, differences, held=tuple(Held(d.key, reason, hint) for d in differences))
    switch = any(d.key == IN_EFFECT for d in differences)
    way = _way(host, facts, desired, switch=switch)
    held = tuple(Held(d.key, *why) for d in differences for why in way.reasons)
    if held:
        return Change(NAME, differences, way.before, held=held, notes=way.notes)
    edit = any(d.key == CONFIGURED for d in differences)
    edits = (*way.before, *(daemonjson.edits(host, facts, {facts.leaf: True}) if edit else ()))
    if switch and service.nobody(host, facts.site):
        owed = Held(IN_EFFECT, "the daemon must be restarted, and nobody runs this host's services", service.OWED)
        return Change(NAME, differences, edits, held=(owed,), notes=way.notes)
    if not switch:
        return Change(NAME, differences, edits, notes=way.notes)
    restart = Restart(facts.site.unit, facts.socket, flavour=facts.engine.flavour)
    trial = tuple(TryStore(facts.socket, platform, facts.within) for platform in facts.native[:1])
    return Change(NAME, differences, edits, (restart,), notes=way.notes, hides=True, trial=trial)


def _configured(host: Reader, facts: Facts) -> Value:
    """The key's value; None where it is missing; a sentence where the file cannot be taken as it is."""
    if {FEATURE, f"{FEATURE}=true"} & set(_features(facts.flags)):
        return True
    try:
        value = jsontext.leaf(daemonjson.load(host, facts, facts.leaf), facts.leaf)
    except (ConfigError, DeniedError) as e:
        return Unknown(e.message) if isinstance(e, DeniedError) else e.message
    return value if isinstance(value, bool) or value is None else f"{value!r}, which is no boolean"


def _features(flags: tuple[str, ...]) -> list[str]:
    """What the running daemon was given with --feature, in either spelling."""
    after = [b for a, b in itertools.pairwise(flags) if a == "--feature"]
    return after + [f.removeprefix("--feature=") for f in flags if f.startswith("--feature=")]


def _way(host: Reader, facts: Facts, desired: Desired, *, switch: bool) -> Way:
    """Everything that speaks against switching the store now, and what to do; no reasons: nothing does."""
    from provisioner import conflicts, hidden, migration, policy  # a check needs none of them

    version = facts.engine.version
    if version is not None and version < FIRST:
        reason = (
            f"engine {facts.engine.version_text} has no containerd image store (24.0 brought it): an image of its own"
            " holds one platform; the builder still builds and pushes all of them"
        )
        return Way(((reason, "upgrade the engine to 24 or newer, or say image_store: {backend: unmanaged}"),))
    try:
        scene = conflicts.look(host, facts, daemonjson.load(host, facts, facts.leaf))
    except ConfigError as e:
        return Way(((e.message, e.hint or "put the file right"),))
    if reasons := conflicts.named(scene, store=True):
        return Way(tuple(reasons))
    text = jsontext.put(daemonjson.text(host, facts) or "", facts.leaf, True)
    if words := service.validate(host, text, scene.start):
        return Way(((f"dockerd would not start: {words}", f"see {facts.daemon_json} and {facts.site.unit}"),))
    if not switch:
        return Way()
    why = policy.held(host, facts, desired)
    if desired.image_store.existing == "migrate":
        found = migration.plan(host, facts, desired)
        return Way((*found.reasons, *((why,) if why else ())), found.steps, found.notes)
    why = hidden.refusal(host, facts, desired) or why
    return Way((why,) if why else ())
