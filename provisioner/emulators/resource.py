"""Emulators: for each wanted platform that the CPU does not run, a QEMU that works in containers and after a reboot.

The kernel is told about one entry at a time, and systemd-binfmt is never started: it flushes everybody's entries.
"""

from provisioner.config.desired import Desired
from provisioner.emulators import keys, observed
from provisioner.emulators.keys import NAME
from provisioner.emulators.wanted import Wanted, wanted
from provisioner.engine.facts import Facts
from provisioner.model import NOTE, Difference, Reader, State, Value
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.steps import Change

__all__ = ["NAME", "change", "have", "want"]


def want(desired: Desired, facts: Facts) -> State:
    """Each foreign platform runs, now and after the next boot; an emulator of ours is the configured one."""
    return wanted(desired, facts)


def have(host: Reader, facts: Facts, want: State) -> State:
    """What the kernel's table, a run of each architecture's probe, and the files read at boot say."""
    if facts.inside:
        return {NOTE: f"{facts.kind.title} brings its own emulators: `provisioner prove` runs them"}
    if not isinstance(want, Wanted):
        raise TypeError("what is wanted of emulators has fields")
    found: dict[str, Value] = {
        keys.words(key): value for key, value in observed.state(host, facts, want.fields).items()
    }
    if facts.far and not facts.quick:  # a plan, which has the time to ask each QEMU for its version
        from provisioner.emulators import labels

        platforms = tuple(key.platform for key in want.fields if key.aspect == keys.RUNS and key.platform)
        known = labels.labels(host, facts, Desired(platforms=platforms)) if platforms else ()
        found[NOTE] = "; ".join(labels.notes(known)) or None
    return found


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> "Change":
    """Register what is missing, from a file of ours or from the one that stands there for it."""
    from provisioner.emulators import changes  # a check of a host in sync needs none of it

    return changes.change(host, facts, desired, differences)
