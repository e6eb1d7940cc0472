"""Plan what to do about the differences, as data. Planning only reads."""

from collections.abc import Mapping
from types import ModuleType

from provisioner.builder import resource as builder_resource
from provisioner.config.desired import Desired
from provisioner.daemon import edits, start_line
from provisioner.daemon import resource as daemon_resource
from provisioner.daemon.restart import Restart
from provisioner.engine import registries
from provisioner.engine.facts import Facts
from provisioner.errors import DeniedError
from provisioner.image_store import resource as image_store_resource
from provisioner.model import NOTE, Difference, Reader, State, Unknown
from provisioner.runs import compare, hourly, writable
from provisioner.steps import Change, Obstacle, Plan
from provisioner.steps.files import SetLeaf

UNKNOWN = "unknown"  # an obstacle's code: this user may not read the actual state


def make(host: Reader, facts: Facts, desired: Desired) -> Plan:
    """Plan the change of every resource, in the order of application.

    A builder that cannot be made must not cost a restart. If only a switch of the image store needs the restart, the
    switch is blocked, and the plan is made again for a host that keeps its store.
    """
    made, notes = _made(host, facts, desired)
    if why := _in_vain(made):
        made, notes = _made(host, facts, desired, stays=why)
    first = [Change(c.resource, (), c.first, unless="not-installed") for c in made if c.first]
    more = [] if desired.only else [joined for joined in (hourly.change(host, facts),) if joined]
    changes = _restarted_once([*first, *(c._replace(first=()) for c in made), *more])
    stale = start_line.stale(host, facts.layout) if any(isinstance(c.restart, Restart) for c in changes) else ""
    return Plan(changes, (*notes, *filter(None, (stale,))))


def without(made: Plan, failed: Mapping[str, Obstacle]) -> Plan:
    """Return a plan without the resources whose attempt failed, and without a switch that gains nothing then."""
    left = made.without(failed)
    daemon = any(c.differences and c.steps for c in left.changes if c.resource == daemon_resource.NAME)
    why = None if daemon or not failed else _in_vain(list(left.changes))
    return left.without({image_store_resource.NAME: why}) if why else left


def _in_vain(made: list[Change]) -> Obstacle | None:
    """Return why nothing of the builder can be made, if the restart is only for a switch of the image store."""
    named = {c.resource: c for c in made}
    store, builder = named.get(image_store_resource.NAME), named.get(builder_resource.NAME)
    others = [c for c in made if c.restart and c is not store]
    if store is None or not store.hides or others or builder is None or builder.edits or not builder.blocked:
        return None
    why = builder.blocked[0].obstacle
    message = f"Docker is not restarted for the switch while the builder cannot be made: {why.message}"
    hint = f"{why.hint}; to switch all the same: provisioner apply --only image-store"
    return Obstacle("builder-first", message, hint)


def _made(
    host: Reader, facts: Facts, desired: Desired, *, stays: Obstacle | None = None
) -> tuple[list[Change], tuple[str, ...]]:
    """Plan each change for the host as the changes before it will leave it. ``stays``: why the image store stays.

    Returns: the changes and the notes.
    """
    made, notes = [], list[str]()
    for resource in compare.chosen(desired):
        want = resource.want(desired, facts)
        have = _seen(resource, host, facts, want)
        found = compare.differences(want, have)
        notes += [str(have[NOTE])] if have.get(NOTE) else []
        if found:
            change = writable.judged(host, _change(resource, host, facts, desired, found))
            if stays and resource is image_store_resource:
                change = Change(resource.NAME, found, blocked=stays.blocks(*(d.key for d in found)), notes=change.notes)
            made.append(change)
            text = edits.after(change.edits, facts.daemon_json)
            facts = facts._replace(hidden=facts.hidden or change.hides)
            if text is not None:
                known = registries.foreseen(facts.registries, host.read(facts.daemon_json), text)
                facts = facts._replace(planned=text, registries=known)
    return made, tuple(notes)


def _seen(resource: ModuleType, host: Reader, facts: Facts, want: State) -> State:
    """Return the actual state of a resource. Keys that this user may not read are unknown."""
    try:
        have: State = resource.have(host, facts, want)
    except DeniedError as e:
        return dict.fromkeys(want, Unknown(e.message))
    return have


def _change(
    resource: ModuleType, host: Reader, facts: Facts, desired: Desired, found: tuple[Difference, ...]
) -> Change:
    """Return the change for a resource. Keys that this user may not read are blocked. The others are planned.

    If even root may not read a key, the resource gives the reason.
    """
    hidden = tuple(d for d in found if isinstance(d.have, Unknown) and host.uid != 0)
    known = tuple(d for d in found if d not in hidden)
    blocked = [b for d in hidden for b in _unknown(str(d.have)).blocks(d.key)]
    change = Change(resource.NAME, ())
    try:
        change = resource.change(host, facts, desired, known) if known else change
    except DeniedError as e:
        change = change._replace(differences=known)
        blocked += [b for d in known for b in _unknown(e.message).blocks(d.key)]
    return change._replace(differences=(*change.differences, *hidden), blocked=(*change.blocked, *blocked))


def _unknown(message: str) -> Obstacle:
    return Obstacle(UNKNOWN, message, "run provisioner as root")


def _restarted_once(made: list[Change]) -> tuple[Change, ...]:
    """Keep a single restart or reload, on the last change that needs one. Use a restart if any change needs one.

    It comes after every setting, also one that needs none: the daemon would start without it, and lose its effect.
    """
    needed = [c.restart for c in made if c.restart]
    last = max((i for i, c in enumerate(made) if c.restart or any(isinstance(s, SetLeaf) for s in c.edits)), default=-1)
    one = next((s for s in needed if isinstance(s, Restart)), needed[-1] if needed else None)
    return tuple(c._replace(restart=one if i == last else None) for i, c in enumerate(made))
