"""Measure how much slower emulated platforms are on this host, so that a person can decide for a native node.

Two things make a build slow: starting programs, and computing. The start is that of our test program; the load is a
fixed loop. Both are the processor's time, not the clock's, so that other work on the host does not count.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from provisioner.config.desired import Desired
from provisioner.emulators import labels
from provisioner.emulators.labels import BUILD_ONLY, Label
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.model import Ran
from provisioner.platforms import elf, loads, table
from provisioner.text.messages import Doing

STARTS, LOADS = 9, 3  # how often each runs; the start counts by its median, the load by its best
PATIENCE = 120.0  # seconds for one load
INSIDE = "its emulators are inside {}, where no program of ours can be timed"
ELSEWHERE = "it is built on node {}, not here"
NOT_HERE = "nothing on this host runs it"


class Timed(NamedTuple):
    """One platform: processor seconds of a start and of the load, and how many times those of the CPU itself.

    ``why`` says why nothing was measured. Unknown values are None.
    """

    platform: str
    how: str
    start_seconds: float | None = None
    compute_seconds: float | None = None
    start_times: float | None = None
    compute_times: float | None = None
    why: str = ""


def measure(host: System, facts: Facts, desired: Desired, say: Callable[[str], None]) -> tuple[Timed, ...]:
    """Measure each wanted platform that this host runs, next to the CPU's own first platform."""
    own = next(iter(facts.native), "")
    if facts.inside or not own:
        why = INSIDE.format(facts.kind.title) if facts.inside else NOT_HERE
        return tuple(Timed(x.platform, x.sentence, why=why) for x in labels.labels(facts, desired))
    say(Doing(f"time: {own}, which this CPU runs itself"))
    base = _measured(host, table.of(own).architecture)
    return tuple(_rows(host, facts, desired, base, say))


def _rows(
    host: System, facts: Facts, desired: Desired, base: tuple[float, float] | str, say: Callable[[str], None]
) -> Iterator[Timed]:
    for label in labels.labels(facts, desired):
        if why := _unfit(label):
            yield Timed(label.platform, label.sentence, why=why)
            continue
        say(Doing(f"time: {label.platform}, {label.sentence}"))
        found = _measured(host, table.of(label.platform).architecture)
        if isinstance(found, str) or isinstance(base, str):
            yield Timed(label.platform, label.sentence, why=found if isinstance(found, str) else str(base))
            continue
        start, compute = (round(seconds, 4) for seconds in found)
        slower = [round(mine / max(its, 1e-6), 1) for mine, its in zip(found, base, strict=True)]
        yield Timed(label.platform, label.sentence, start, compute, slower[0], slower[1])


def _unfit(label: Label) -> str:
    """Return why a platform cannot be timed here, or an empty text."""
    if label.runs == BUILD_ONLY:
        return ELSEWHERE.format(label.built_on) if label.built_on else NOT_HERE
    return ""


def _measured(host: System, architecture: str) -> tuple[float, float] | str:
    """Return the processor seconds of a start and of the load, or why a program of the architecture does not run."""
    starts = [_ran(host, elf.program(architecture)) for _ in range(STARTS)]
    computed = [_ran(host, loads.program(architecture)) for _ in range(LOADS)]
    for ran in (*starts, *computed):
        if ran.status != 0:
            return ran.error or f"it ended with {ran.status}"
    return sorted(r.seconds for r in starts)[STARTS // 2], min(r.seconds for r in computed)


def _ran(host: System, program: bytes) -> Ran:
    [ran] = host.runs((program,), bare=host.uid == 0, patience=PATIENCE)
    return ran


def slowest(found: tuple[Timed, ...]) -> str:
    """Return what the times mean for a person, or an empty text if no platform is slower."""
    worst = max(found, key=lambda row: row.compute_times or 0)
    if (worst.compute_times or 0) < 2:
        return ""
    return (
        f"{worst.platform} computes {worst.compute_times:g} times slower than this CPU itself. If its builds take too"
        " long, let a machine that runs it natively build it: `builder.nodes` in the configuration"
    )
