"""Emulators: a QEMU for each wanted platform that the CPU does not run. It works in containers and after a reboot.

Entries are registered one at a time. systemd-binfmt is never started, because it flushes the entries of other tools.
"""

from provisioner.config.desired import Desired
from provisioner.emulators import keys, observed
from provisioner.emulators.keys import NAME
from provisioner.emulators.wanted import Wanted, wanted
from provisioner.engine.facts import Facts
from provisioner.model import NOTE, Difference, Reader, State, Value
from provisioner.platforms import pages
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.steps import Change

__all__ = ["NAME", "change", "have", "want"]


def want(desired: Desired, facts: Facts) -> State:
    """Return the wanted state: each foreign platform runs now and after the next boot, with the configured emulator."""
    return wanted(desired, facts)


def have(host: Reader, facts: Facts, want: State) -> State:
    """Return the state seen in the kernel's table, in test programs, and in the files read at boot."""
    if facts.inside:
        return {NOTE: f"{facts.kind.title} brings its own emulators: `provisioner prove` runs them"}
    if not isinstance(want, Wanted):
        raise TypeError("what is wanted of emulators has fields")
    found: dict[str, Value] = {
        keys.words(key): value for key, value in observed.state(host, facts, want.fields).items()
    }
    notes = [pages.note(host, facts.native)]
    if facts.far and not facts.quick:  # a plan has the time to ask each QEMU for its version
        from provisioner.emulators import faults, labels

        platforms = tuple(key.platform for key in want.fields if key.aspect == keys.RUNS and key.platform)
        known = labels.labels(facts, Desired(platforms=platforms)) if platforms else ()
        notes += [*faults.warnings(faults.asked(host, known), pages.size(host)), want.note]
    return {**found, NOTE: "; ".join(filter(None, notes)) or None}


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> "Change":
    """Return the change that registers what is missing, from our own file or from an existing rule."""
    from provisioner.emulators import changes  # a check of a host in sync does not need this module

    return changes.change(host, facts, desired, differences)
