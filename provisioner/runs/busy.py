"""Plan again while a registry is busy: what passes by itself is waited for, before anything is done."""

from provisioner.builder import images
from provisioner.config.desired import Desired
from provisioner.emulators import copied
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.runs import plan
from provisioner.steps import Plan, Say

WAITS = (5.0, 10.0, 15.0, 30.0, 60.0)  # seconds before each further attempt


def patiently(system: System, facts: Facts, wanted: Desired, say: Say) -> Plan:
    """Return the plan for what is wanted, once no registry is busy, or the time for that is over."""
    made = plan.make(system, facts, wanted)
    for seconds in WAITS:
        busy = next((obstacle for _, (_, obstacle) in made.blocked if obstacle.code == images.BUSY), None)
        if busy is None:
            break
        say(f"{busy.message}; it is asked again in {seconds:.0f} s")
        system.pause(seconds)
        copied.refused.cache_clear()
        made = plan.make(system, facts, wanted)
    return made
