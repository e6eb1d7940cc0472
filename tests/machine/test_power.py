"""A power cut loses everything that was not synced. Afterwards each file is old or new but never torn, and the next
command says which.

A machine's disk is recorded: the recording has the order of its writes and flushes. From it, a test creates the disk as
a power cut at any moment leaves it, and inspects it. The test boots a few of these disks; `make soak` boots many.
"""

import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.conftest import Machines
from tests.helpers.booted import DAEMON_JSON, agent, portrait
from tests.machines import Machine
from tests.machines.film import Film, Image

# Power cuts at random moments. There are more, at each entry of the journal.
CUTS = int(os.environ.get("PROVISIONER_CUTS", "10"))
BOOTS = int(os.environ.get("PROVISIONER_BOOTS", "3"))  # how many of the disks are booted
STATE = "/var/lib/provisioner"
RECEIPT, OPEN = f"{STATE}/receipts/000001.jsonl", f"{STATE}/open"
RULE = "/etc/binfmt.d/zz-provisioner-arm64.conf"
OLD = {DAEMON_JSON: b'{\r\n\t"debug": false\r\n}', RULE: None}
FILES = {DAEMON_JSON: '{\r\n\t"debug": false\r\n}'}
LONG = pytest.mark.timeout(1200 + CUTS * 20 + BOOTS * 900)


class Filmed(NamedTuple):
    """A recording of an apply and its rollback, and the files after the apply."""

    film: Film
    new: dict[str, bytes | None]
    before: dict[str, object]
    applied: int  # the moment when the apply ended


def filmed(machine: Machine) -> Filmed:
    """Record an apply and its rollback."""
    assert machine.volatile
    before = portrait(machine)
    machine.run("sync", check=True)
    film = Film(machine.volatile)
    applied = agent(machine, "apply")
    assert applied.status == 0, applied.stderr
    over = len(film.events)
    new = {path: machine.get(path) for path in OLD}
    undone = agent(machine, "rollback")
    assert undone.status == 0, undone.stderr
    film.end()
    return Filmed(film, new, before, over)


def entries(film: Film) -> list[int]:
    """Return the moments right after each journal entry was written, and right after it was flushed."""
    found: set[int] = set()
    known: Counter[int] = Counter()  # how many entries start in a block of the disk
    for moment, event in enumerate(film.events):
        count = len(re.findall(rb'\{"event": "', event.data or b""))
        if count > known[event.offset]:
            known[event.offset] = count
            found |= {moment + 1, film.flushed(moment)}
    return sorted(found)


def faults(image: Image, new: dict[str, bytes | None]) -> tuple[str, list[str]]:
    """Return the state of a disk (old, begun, new or undone) and every error found on it."""
    wrong, changed = [], []
    text = image.get(RECEIPT) or b""
    *lines, rest = text.split(b"\n")
    whole = [line for line in lines if _is_json(line)]
    wrong += [f"an entry of the journal is torn: {line[:60]!r}" for line in lines if line and line not in whole]
    wrong += [f"the journal ends with zeros: {rest[:60]!r}"] if rest.strip(b"\0") != rest else []
    steps = [json.loads(line) for line in whole]
    announced = {e["step"].get("path") for e in steps if e["event"] == "step"}
    for path, old in OLD.items():
        now = image.get(path)
        if now not in (old, new[path]):
            wrong.append(f"{path} is neither old nor new: {now!r}")
        if now != old:
            changed.append(path)
            if path not in announced:
                wrong.append(f"{path} is new, and no journal says so")
    ends = [e["outcome"] for e in steps if e["event"] == "end"]
    if changed and not ends and not image.get(OPEN):
        wrong.append("a run was cut off, and nothing tells the next boot")
    return ("undone" if "undone" in ends else "new" if ends else "begun" if steps else "old"), wrong


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def looked_at(filmed: Filmed, machine: Machine, moments: list[int]) -> Iterator[tuple[int, str, list[str]]]:
    """Yield each moment with the state of its disk and the errors on it."""
    assert machine.volatile
    image = Image(machine.volatile, machine.folder / "cut.img")
    for moment, durable in filmed.film.cuts(moments, random.Random(20)):  # noqa: S311
        with image.mounted(durable):
            yield moment, *faults(image, filmed.new)


def moments(found: Filmed, count: int) -> list[int]:
    """Return ``count`` random moments, and two more for each entry of the journal."""
    chance = random.Random(4)  # noqa: S311
    last = len(found.film.events)
    return sorted({*(chance.randrange(last) for _ in range(count)), *entries(found.film), last})


@pytest.mark.soak
@LONG
def test_a_power_cut_at_any_moment_leaves_old_or_new_and_nothing_torn(machines: Machines) -> None:
    machine = machines("trixie", agent=True, files=FILES, volatile=True)
    found = filmed(machine)
    machine.cut()
    outcomes: Counter[str] = Counter()
    for moment, outcome, wrong in looked_at(found, machine, moments(found, CUTS)):
        assert wrong == [], f"a cut at {moment} of {len(found.film.events)}"
        outcomes[outcome] += 1
    print(f"{outcomes.total()} power cuts: {dict(outcomes)}")
    assert outcomes.keys() == {"old", "begun", "new", "undone"}


def boots(found: Filmed, count: int) -> list[int]:
    """Return the moments whose disks are booted: while BuildKit's image is pulled, entries of the journal, and others.

    Half of them are entries, spread over the apply and the rollback. The others are random moments of both.
    """
    booting = found.film.when(b"--bootstrap")
    pulling = (booting + found.film.when(b"--default", booting)) // 2
    written = entries(found.film)
    spread = written[:: max(1, len(written) // max(1, count // 2))][: count // 2]
    rest = random.Random(5).sample(range(len(found.film.events)), count)  # noqa: S311
    return [*dict.fromkeys([pulling, *spread, *rest])][:count]


@pytest.mark.soak
@LONG
def test_a_machine_boots_after_a_power_cut_and_can_be_provisioned(machines: Machines) -> None:
    machine = machines("trixie", agent=True, files=FILES, volatile=True)
    found = filmed(machine)
    machine.cut()
    results: Counter[str] = Counter()
    for moment, durable in found.film.cuts(boots(found, BOOTS), random.Random(20)):  # noqa: S311
        assert machine.volatile
        machine.volatile.rewind(durable)
        machine.boot()
        results[came_back(machine, found, f"a cut at {moment} of {len(found.film.events)}")] += 1
        machine.cut()
    print(f"{results.total()} power cuts booted, and an apply after each: {dict(results)}")


def came_back(machine: Machine, found: Filmed, what: str) -> str:
    """Assert that a machine has its old or its new state, that its docker runs, and that an apply converges.

    Returns: the state after the boot, old or new.
    """
    machine.run("systemctl", "start", "docker", check=True)
    checked = agent(machine, "check")
    assert checked.document["interrupted"] is None, what
    assert checked.status in (0, 2), (what, checked.stderr)
    if checked.status == 2:
        assert portrait(machine) == found.before, what
    converged = agent(machine, "apply")
    assert converged.status == 0, (what, converged.stderr)
    print(f"{what}: {'old' if checked.status else 'new'}, and an apply converged")
    return "old" if checked.status else "new"


def test_what_is_not_synced_is_lost(machines: Machines) -> None:
    machine = machines("trixie", volatile=True)
    assert machine.volatile
    machine.sh("echo synced >/root/synced; sync /root/synced; sync /root; echo lost >/root/lost", check=True)
    machine.cut()
    image = Image(machine.volatile, machine.folder / "cut.img")
    with image.mounted(machine.volatile.durable):
        assert (image.get("/root/synced"), image.get("/root/lost")) == (b"synced\n", None)


# Each of these lines of the agent makes sure that something is on the disk before the next step. The sync of a folder
# is not one of them: ext4 writes a rename that a later sync of any file depends on.
SYNCS = {"the journal": "        os.fsync(file)\n", "a file": "            os.fsync(new)\n"}
FILES_OF_AGENT = "/usr/local/lib/provisioner/provisioner/host/files.py"


@pytest.mark.soak
@LONG
@pytest.mark.parametrize("name", SYNCS)
def test_a_sync_that_is_missing_is_found(machines: Machines, name: str) -> None:
    machine = machines("trixie", agent=True, files=FILES, volatile=True)
    source = (machine.get(FILES_OF_AGENT) or b"").decode()
    assert source.count(SYNCS[name]) == 1
    machine.put(FILES_OF_AGENT, source.replace(SYNCS[name], ""))
    found = filmed(machine)
    machine.cut()
    wrong = next(
        (f"{moment}: {words}" for moment, _, words in looked_at(found, machine, moments(found, 40)) if words), ""
    )
    print(f"without the sync of {name}, a power cut at {wrong}")
    assert wrong
