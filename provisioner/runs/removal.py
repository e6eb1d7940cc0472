"""``provisioner remove``: remove everything that provisioner set up on this host, and nothing else.

Removal makes a plan and does not replay the history. It finds our changes on the host and in the history, and puts each
thing back to its state before the first apply. It keeps what somebody has changed since. It needs no engine and can run
again.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from provisioner import __version__
from provisioner.builder import leftovers, obstacles, store
from provisioner.config.desired import Desired
from provisioner.daemon import resource as daemon_resource
from provisioner.daemon.restart import Restart
from provisioner.emulators.copy_out import Discard
from provisioner.engine import addresses, endpoints, facts, memory, target, traces
from provisioner.errors import ProvisionerError
from provisioner.host import System
from provisioner.image_store.trial import ClearTrial
from provisioner.model import Reader
from provisioner.runs import journal, losses, older, originals, rollback, running, sweep, waiting
from provisioner.runs.journal import OVER, Journal, Receipt
from provisioner.runs.older import Past
from provisioner.runs.session import interruptible, own, uninterruptible
from provisioner.runs.undo import CHANGED, DO, SO, Done, Item, attempt, stands, whole
from provisioner.steps import Say, Step
from provisioner.steps.files import RemoveFile, SetLeaf
from provisioner.steps.programs import Run

MEMORIES = ("configuration.json", "buildkitd.json", "owned.json", "versions.json", "reserve")
SILENT = "Docker does not answer: what it holds of a builder stays with it"


class Part(NamedTuple):
    """The removal on one engine: each thing with its fate, and the restart that must follow, if any."""

    desired: Desired
    items: tuple[Item, ...]
    restart: Step | None = None
    note: str = ""


class Removal(NamedTuple):
    """The removal on all engines, and the receipts that it is based on."""

    receipts: tuple[Receipt, ...]
    parts: tuple[Part, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        """Each thing with its fate."""
        return tuple(item for part in self.parts for item in part.items)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps to run."""
        return tuple(item.step for item in self.items if item.fate == DO)


def takes(host: Reader, found: Removal) -> tuple[str, ...]:
    """Return what a removal takes away, as sentences."""
    every = [note for part in found.parts for note in losses.notes(host, part.desired, _done(part))]
    return tuple(dict.fromkeys((*(part.note for part in found.parts if part.note), *every)))


def _done(part: Part) -> tuple[Step, ...]:
    return tuple(item.step for item in part.items if item.fate == DO)


def plan(host: Reader) -> Removal:
    """Find everything that provisioner set up on this host, and decide what happens to it."""
    known = tuple(r for r in journal.every(host) if r.outcome not in OVER)
    found = tuple(sweep.parts(host, _desired(known)))
    steps = [step for part in found for step in part.steps]
    engines = dict.fromkeys(r.desired.engine for r in reversed(known))
    parts = [_part(host, older.past(host, tuple(r for r in known if r.desired.engine == e), steps)) for e in engines]
    items = [item for part in parts for item in part.items]
    told = {originals.thing(i.step) for i in items if i.fate != CHANGED or isinstance(i.step, SetLeaf)}
    swept = [_untold(host, part, told) for part in found]
    last = Part(_desired(known), tuple(sweep.empty(host)))
    return Removal(known, (*_restarting((*parts, *swept)), *((last,) if last.items else ())))


def _restarting(parts: Sequence[Part]) -> Iterator[Part]:
    """Yield the parts, and then each restart once: an engine still holds what is removed from it before.

    One restart replaces the reloads of its engine.
    """
    yield from (part._replace(restart=None) for part in parts if part.items or part.note)
    asked = [part for part in parts if part.restart]
    whole = {_engine(part): part for part in asked} | {_engine(p): p for p in asked if isinstance(p.restart, Restart)}
    yield from (Part(part.desired, (), part.restart) for part in whole.values())


def _engine(part: Part) -> str:
    """Return the socket of the engine that a part restarts."""
    return str(getattr(part.restart, "socket", ""))


def _untold(host: Reader, found: sweep.Part, told: Collection[originals.Thing]) -> Part:
    """Return what the history does not know."""
    items = _once(tuple(Item(step, DO) for step in found.steps if originals.thing(step) not in told))
    if not host.program("docker"):  # what it has registered is in files
        registered = traces.FORGET[:3]
        items = tuple(_there(host, "", i) if getattr(i.step, "argv", ())[:3] == registered else i for i in items)
    return Part(found.desired, items, found.restart if items else None, found.note)


def _desired(known: Sequence[Receipt]) -> Desired:
    """Return the configuration of the newest run, or the defaults if there is no history."""
    return known[-1].desired if known else Desired()


def _part(host: Reader, past: Past) -> Part:
    """Plan the removal of what the runs on one engine made."""
    known, desired = past.known, past.known[-1].desired
    socket, builders = _socket(host, desired.engine), {r.desired.builder.name for r in known}
    found = [originals.fate(host, original, builders) for original in originals.collapsed(past)]
    found = [_there(host, socket, item) if item.fate == DO else item for item in found]
    items = _once((*_aside(host, socket, known, found), *found))  # remove an image after what was made from it
    done = Done(items, ())
    restarts = [whole(r, done) for receipt in known for r in receipt.restarts] if done.leaves else []
    if done.leaves and not restarts:  # the history of an image that has booted since
        restarts = [r for r in (running.restart(host, desired),) if r]
    restart = restarts[-1] if restarts and socket else None  # an engine that is down reads its file when it starts
    return Part(desired, items, restart, "" if socket else SILENT)


def remove(system: System, say: Say) -> tuple[Removal, tuple[str, ...]]:
    """Remove everything that provisioner set up.

    Returns: the removal, and one sentence for each thing that could not be removed.
    """
    system = own(system)
    with system.lock(journal.lock(system)), interruptible():
        cut: tuple[int, ...] = ()
        try:
            cut = rollback.recover(system, say)
        except ProvisionerError as e:  # report it; the removal covers what it left
            say(f"note: {e.message}")
        with rollback.told(cut):
            return _removed(system, say)


def _removed(system: System, say: Say) -> tuple[Removal, tuple[str, ...]]:
    """Plan the removal, and carry it out. Only one run at a time gets here."""
    found = plan(system)
    if not found.items and not found.receipts:
        _forget(system)  # a removal that was cut off at its very end may have left some of it
        return found, ()
    _refuse(system, found)
    for note in takes(system, found):
        say(f"note: {note}")
    for item in found.items:
        if item.fate == CHANGED:
            say(f"note: left as it is, somebody has changed that since: {item.step.sentence()}")
    with uninterruptible(last=True):
        return found, _take(system, found, say)


def _take(system: System, found: Removal, say: Say) -> tuple[str, ...]:
    """Run the steps. An interrupted removal is not undone: the next removal continues it."""
    book = Journal(system, journal.following(system))
    book.begin(__version__, _desired(found.receipts), ())
    left: list[str] = []
    for part in found.parts:
        at = target.with_endpoint(system, part.desired)
        steps = (item.step for item in part.items if item.fate == DO)
        left += _run(at, part.desired.engine, _owing(book, found, steps), say)
        if part.restart:
            if error := attempt(part.restart, at, say):
                say(f"note: {error}")
            left += _run(at, part.desired.engine, _back_again(at, part.desired.engine, found.items), say)
    book.end("removed")
    if not left:
        for receipt in found.receipts:
            Journal(system, receipt.number).end("removed")
        _forget(system)
    return tuple(left)


def _forget(system: System) -> None:
    """Remove what applies have remembered, except the history."""
    for name in MEMORIES:
        system.remove(f"{system.state}/{name}")
    system.remove(memory.record_path(system))
    waiting.forget(system)


def _owing(book: Journal, found: Removal, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield steps. Record the restarts before the first setting goes, so that the next run makes them after a kill."""
    first = next((step for step in found.steps if isinstance(step, SetLeaf)), None)
    for step in steps:
        for restart in (part.restart for part in found.parts if part.restart and step is first):
            with suppress(OSError, ProvisionerError):  # only the run after a kill would miss it
                book.change(daemon_resource.NAME, restart)
                book.settle(restart)
        yield step


def _run(system: System, engine: str, steps: Iterable[Step], say: Say) -> list[str]:
    """Run steps. Return a sentence for each that left something of ours behind."""
    errors = [(step, error) for step in steps if (error := attempt(step, system, say))]
    socket = _socket(system, engine) if errors else ""
    left: list[str] = []
    for step, error in errors:
        words = f"{step.sentence()}: {error}"
        if _stays(system, socket, step):
            left.append(words)
        elif not _local(step):
            say(f"note: {words}")
    return left


def _back_again(host: Reader, engine: str, items: Iterable[Item]) -> Iterator[Step]:
    """Yield the removal of our builders' containers that a switch of the image store had hidden.

    Such a container is there again after the switch back, and makes its volume again. It is ours if its volume was.
    """
    socket = _socket(host, engine)
    runs = (item.step for item in items if isinstance(item.step, Run))
    for drop in dict.fromkeys(run for run in runs if run.argv[:3] == ("docker", "volume", "rm")):
        box = drop.argv[-1].removesuffix("_state")
        there = (Item(Run(("docker", "container", "rm", "--force", box)), DO), Item(drop, DO))
        yield from (item.step for item in there if _there(host, socket, item).fate == DO)


def _refuse(host: Reader, found: Removal) -> None:
    """Raise ProvisionerError if a build runs on a builder that would be removed."""
    desired = _desired(found.receipts)
    try:
        seen = facts.gather(host, desired, far=False, quick=True)
        name = obstacles.building(host, seen, found.steps, desired.builder)
    except ProvisionerError:
        return  # no engine answers, so no build runs
    if name:
        hint = "wait until it has ended, then run the same command again"
        raise ProvisionerError(f"a build runs in {name}, which would be removed", hint=hint)


def _socket(host: Reader, engine: str) -> str:
    """Return the socket where an engine answers, or an empty string if it does not answer."""
    try:
        socket = endpoints.endpoint(host, engine).socket or addresses.SOCKET
        return socket if host.get(socket, "/info") else ""
    except ProvisionerError:
        return ""


def _there(host: Reader, socket: str, item: Item) -> Item:
    """Mark the item as already so if a command would remove something that is already gone from the engine."""
    step = item.step
    if isinstance(step, ClearTrial | Discard):
        return item if socket else item._replace(fate=SO)
    if isinstance(step, Run) and step.argv[:3] == ("docker", "buildx", "rm"):
        if not host.program("docker"):
            return _without_docker(host, step)
        return item if _registered(host, step.argv[-1], step.user) else item._replace(fate=SO)
    if not isinstance(step, Run) or step.argv[0] != "docker" or step.argv[1] not in ("container", "volume", "image"):
        return item
    if step.argv[2] not in ("rm", "rename", "tag"):
        return item
    if not socket:
        return item._replace(fate=SO)
    kind, name = step.argv[1], next(w for w in step.argv[3:] if not w.startswith("-"))
    paths = {"container": f"/containers/{name}/json", "volume": f"/volumes/{name}", "image": f"/images/{name}/json"}
    return item if host.get(socket, paths[kind]) is not None else item._replace(fate=SO)


def _without_docker(host: Reader, forget: Run) -> Item:
    """Remove a builder's file from a user's store: docker, which would do that, is gone."""
    account = host.account(forget.user or "root")
    if account is None:
        return Item(forget, SO)
    step = RemoveFile(store.of(host, account).instance_file(forget.argv[-1]), forget.user)
    return Item(step, SO if stands(host, step) else DO)


def _registered(host: Reader, name: str, user: str) -> bool:
    """Return whether buildx knows a builder of a user. A file that cannot be read counts as yes."""
    account = host.account(user or "root")
    try:
        return account is not None and store.instance(host, store.of(host, account), name) is not None
    except ProvisionerError:
        return True


def _stays(host: Reader, socket: str, step: Step) -> bool:
    """Return whether a failed step left something of ours behind. An image that others use does not count as ours."""
    if not isinstance(step, Run):
        return not stands(host, step)
    return _local(step) and _there(host, socket, Item(step, DO)).fate == DO


def _local(step: Step) -> bool:
    """Return whether a step removes something whose absence can be seen, also if the command failed."""
    return isinstance(step, Run) and step.argv[0] == "docker" and step.argv[1] in ("container", "volume", "buildx")


def _aside(host: Reader, socket: str, known: tuple[Receipt, ...], found: list[Item]) -> Iterator[Item]:
    """Yield the removal of what was kept for a rollback and is not put back by this removal."""
    undoes = tuple(s for r in reversed(known) for s in r.undo if isinstance(s, Run))
    back = {word for i in found if i.fate == DO and isinstance(i.step, Run) for word in i.step.argv}
    for left in leftovers.found(host, socket, undoes) if socket else ():
        if left.ours and left.name not in back:
            yield from (_there(host, socket, Item(step, DO)) for step in left.steps)


def _once(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Keep each thing once. If several items have the same thing and kind of step, keep the last."""
    last = {(originals.thing(item.step), type(item.step)): i for i, item in enumerate(items)}
    kept = (item for i, item in enumerate(items) if last[originals.thing(item.step), type(item.step)] == i)
    return tuple(kept)
