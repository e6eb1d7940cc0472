"""What would be done about the differences, as data. No effects beyond reading."""

from provisioner.config.desired import Desired
from provisioner.daemon import changes
from provisioner.engine import registries
from provisioner.engine.facts import Facts
from provisioner.model import NOTE, Reader
from provisioner.runs import compare
from provisioner.steps import Change, Plan, Restart


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
            text = changes.after(change.edits, facts.daemon_json)
            facts = facts._replace(
                hidden=facts.hidden or change.hides,
                planned=facts.planned if text is None else text,
                registries=registries.foreseen(facts.registries, host.read(facts.daemon_json), text),
            )
    return Plan(_settled_once(made), tuple(notes))


def _settled_once(made: list[Change]) -> tuple[Change, ...]:
    """The last change that settles does so for all of them, by a restart if one of them needs it."""
    settles = [s for c in made for s in c.settle]
    last = max((i for i, c in enumerate(made) if c.settle), default=None)
    one = next((s for s in settles if isinstance(s, Restart)), settles[-1] if settles else None)
    return tuple(c._replace(settle=(one,) if i == last and one else ()) for i, c in enumerate(made))
