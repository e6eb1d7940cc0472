"""What would be done about the differences, as data. No effects beyond reading."""

from provisioner.config.desired import Desired
from provisioner.daemon import edits
from provisioner.daemon.restart import Restart
from provisioner.engine import registries
from provisioner.engine.facts import Facts
from provisioner.model import NOTE, Reader
from provisioner.runs import compare
from provisioner.steps import Change, Plan


def make(host: Reader, facts: Facts, desired: Desired) -> Plan:
    """Every resource's change, in the order of application, each planned for the host as those before will leave it."""
    made, notes = [], list[str]()
    for resource in compare.chosen(desired):
        want = resource.want(desired, facts)
        have = resource.have(host, facts, want)
        found = compare.differences(want, have)
        notes += [str(have[NOTE])] if have.get(NOTE) else []
        if found:
            change = resource.change(host, facts, desired, found)
            made.append(change)
            text = edits.after(change.edits, facts.daemon_json)
            facts = facts._replace(
                hidden=facts.hidden or change.hides,
                planned=facts.planned if text is None else text,
                registries=registries.foreseen(facts.registries, host.read(facts.daemon_json), text),
            )
    first = [Change(c.resource, (), c.first) for c in made if c.first]
    return Plan(_restarted_once([*first, *(c._replace(first=()) for c in made)]), tuple(notes))


def _restarted_once(made: list[Change]) -> tuple[Change, ...]:
    """The last change that needs a restart or a reload has it for all of them; a restart, if one of them needs that."""
    needed = [c.restart for c in made if c.restart]
    last = max((i for i, c in enumerate(made) if c.restart), default=None)
    one = next((s for s in needed if isinstance(s, Restart)), needed[-1] if needed else None)
    return tuple(c._replace(restart=one if i == last else None) for i, c in enumerate(made))
