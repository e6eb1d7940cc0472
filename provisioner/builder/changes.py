"""Plan the smallest change that makes the builder match the configuration, as steps.

The order makes it possible to undo the steps in reverse: set the container aside, change the users' files, boot the
builder, select it. The container that was set aside is removed only after everything has been tested.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from provisioner.builder import (
    buildkitd,
    choices,
    cluster_changes,
    commands,
    container,
    images,
    keys,
    lend,
    node_engines,
    notes,
    obstacles,
    ownership,
    plugin,
    registration,
    removing,
    selection,
    set_aside,
    store,
)
from provisioner.builder.boot import Boot
from provisioner.builder.cluster_changes import Acts
from provisioner.builder.commands import PULL, runner
from provisioner.builder.keys import Key
from provisioner.builder.packages import install
from provisioner.builder.set_aside import Box
from provisioner.builder.wanted import Wanted
from provisioner.config import drivers
from provisioner.engine import traces
from provisioner.engine.facts import Facts
from provisioner.model import Difference, Reader
from provisioner.steps import Blocked, Change, Obstacle, Step
from provisioner.steps.files import RemoveFile, SetOwner, WriteFile
from provisioner.steps.packages import Install
from provisioner.steps.programs import Run


class Case(NamedTuple):
    """The input of a plan: the host, the wanted and the wrong state, and the containers as they are."""

    host: Reader
    facts: Facts
    want: Wanted
    wrong: Mapping[Key, Difference]
    buildx: tuple[int, ...] | None
    boxes: tuple[Box, ...]

    @property
    def remade(self) -> tuple[Box, ...]:
        """The containers that must be made again."""
        return tuple(box for box in self.boxes if box.remake)

    def of(self, user: str) -> frozenset[Key]:
        """Return the wrong keys of a user's store, without the user."""
        return frozenset(key._replace(user="") for key in self.want.registered(user) if key in self.wrong)


def change(
    name: str,
    host: Reader,
    facts: Facts,
    want: Wanted,
    differences: tuple[Difference, ...],
    *,
    packages: bool = True,
    caches: bool = False,
) -> Change:
    """Return the change: its steps, what is blocked, notes for this host, and the removal of what is not wanted.

    ``packages`` allows installing docker's command line and buildx if they are missing. ``caches`` allows deleting the
    caches of former builders.
    """
    differing = {d.key for d in differences}
    gone = tuple(key for key in want.gone if keys.words(key) in differing)
    late = tuple(map(keys.words, gone))
    others = tuple(d for d in differences if d.key not in late)
    made = _change(name, host, facts, want, others, packages=packages) if others else Change(name, ())
    removed = removing.plan(host, facts, want.builder, gone, caches=caches)
    if made.blocked and not made.edits:  # nobody loses a builder for one that cannot be made yet
        removed = removing.Removed(blocked=made.blocked[0].obstacle.blocks(*late))
    return made._replace(
        differences=differences,
        blocked=(*made.blocked, *removed.blocked),
        notes=(*made.notes, *removed.notes),
        after=removed.steps,
        late=late,
    )


def _change(
    name: str, host: Reader, facts: Facts, want: Wanted, differences: tuple[Difference, ...], *, packages: bool
) -> Change:
    """Return the change of the configured builder."""
    differing = {d.key: d for d in differences}
    wrong = {key: differing[word] for key in want.fields if (word := keys.words(key)) in differing}
    plug = plugin.asked(host)
    missing = install(host, plug.missing or "buildx", allowed=packages) if plug.missing or plug.broken else Install("")
    buildx = plug.version
    case = Case(host, facts, want, wrong, buildx, tuple(set_aside.boxes(host, facts, want, wrong)))
    busy = any(set_aside.busy(host, facts, box) for box in case.remade)
    acts = cluster_changes.acts(host, want, wrong) if want.seats else Acts()
    busy = busy or (acts.remade and commands.building(host, want.builder))
    obstacle = None if plug.missing and missing.steps else plugin.obstacle(facts, plug, missing.hint)
    obstacle = obstacle or obstacles.whole(host, facts, want, plug, case.boxes)
    if acts.down and keys.REGISTERED in wrong:  # so that nobody builds with a builder that never worked
        obstacle = obstacle or acts.down
    if obstacle := obstacle or (obstacles.BUILDING if busy else None):
        return Change(name, differences, blocked=obstacle.blocks(*differing))
    refused = dict(obstacles.users(host, facts, want))
    users = [u for u in want.builder.users if u not in refused]
    down = frozenset(s.node.name for s in want.places) - {box.place.node.name for box in case.boxes}
    stored = {user: registration.steps(host, want, case.of(user), user, buildx, down) for user in users}
    if None in stored.values():
        return Change(name, differences, blocked=obstacles.losing(down).blocks(*differing))
    stores = [step for steps in stored.values() for step in steps or ()]
    edits: list[Step] = [step for user in users for step in (*_own(case, user), *_readable(case, user))]
    remade = [(box, set_aside.kept(host, facts, want, box)) for box in case.remade]
    again = Run(commands.boot(want.builder.name), timeout=PULL, user=runner(want.builder.users[0]))
    edits += acts.steps
    edits += [step for box, _ in remade for step in set_aside.steps(host, facts, box, again)]
    edits += _with_toml(case, users, stores)
    stopped = any(keys.STATUS in box.wrong and not box.paused for box in case.boxes)
    edits += [step for box in case.boxes if box.paused for step in _unpause(box)]
    if users:
        edits += [step for box in case.boxes for step in images.pull(host, facts, box, users[0], packages=packages)]
    carried = [step for box in case.boxes for step in _carried(case, box, users, packages=packages)]
    if users and not acts.down and (remade or stopped or acts.boot or (stores and len(want.nodes) > 1)):
        edits += [step for box in case.boxes for step in _labelled(case, box)]
        edits += [_boot(case, users[0], acts.undo), *acts.after]
    edits += _policy(case)
    edits += [step for user in users for step in _select(case, user)]
    return Change(
        name,
        differences,
        tuple(edits),
        blocked=(*_blocked(want, wrong, refused), *obstacles.nodes(want, wrong, down), *acts.blocked),
        notes=(
            *notes.notes(host, facts, want),
            *acts.notes,
            *(set_aside.note(box) for box, keep in remade if keep),
        ),
        first=(*(missing.steps if plug.missing else ()), *carried),
        last=tuple(step for box, keep in remade if not keep for step in set_aside.discard(host, facts, box)),
    )


def _carried(case: Case, box: Box, users: list[str], *, packages: bool) -> tuple[Step, ...]:
    return images.carried(case.host, case.facts, box, users[0], packages=packages) if users else ()


def _blocked(want: Wanted, wrong: Mapping[Key, Difference], refused: Mapping[str, Obstacle]) -> Iterator[Blocked]:
    """Yield what is blocked for users for whom nothing can be changed."""
    for user, obstacle in refused.items():
        yield from obstacle.blocks(*(keys.words(key) for key in want.registered(user) if key in wrong))


def _own(case: Case, user: str) -> Iterator[Step]:
    """Give a user's files to that user. If buildx once ran with sudo, root owns some of them."""
    account = case.host.account(user)
    if account is None or keys.OWNER not in case.of(user):
        return
    for path in ownership.foreign(case.host, store.of(case.host, account), case.want, account):
        yield SetOwner((path,), account.uid, account.gid)


def _readable(case: Case, user: str) -> Iterator[Step]:
    """Remove the time of the last build if buildx fails on it. The next build writes another."""
    account = case.host.account(user)
    if account is None or keys.UNREADABLE not in case.of(user):
        return
    if path := choices.unreadable(case.host, store.of(case.host, account), case.want.builder.name):
        yield RemoveFile(path, user=runner(user))


def _with_toml(case: Case, users: list[str], stores: list[Step]) -> list[Step]:
    """Add the steps that write and remove the buildkitd.toml that buildx reads. Only these steps need it."""
    path = registration.toml(case.host)
    if not any(isinstance(s, Run) and path in s.argv for s in stores):
        return stores
    lent = lend.files(case.host, case.facts, case.want.certificates.values(), users)
    found = lend.pointed(case.want.toml, {copy.source: copy.path for copy in lent})
    return [*lent, WriteFile(path, buildkitd.text(found)), *stores, RemoveFile(path), *lend.gone(lent)]


def _unpause(box: Box) -> Iterator[Step]:
    """Unpause a container: buildx waits for a paused one until it gives up."""
    again = box.run("container", "pause", box.place.name)
    yield replace(box.run("container", "unpause", box.place.name), undo=(again,))


def _labelled(case: Case, box: Box) -> Iterator[Step]:
    """Make the volume for the cache, if there is none, with a label that says whose it is. buildx takes it as it is."""
    volume = container.volume(box.place.node.name)
    if box.made and not node_engines.volume(case.host, case.facts, box.place, volume):
        label = f"{traces.LABEL}={case.want.builder.name}"
        undo = (box.run("volume", "rm", "--force", volume),)
        yield replace(box.run("volume", "create", "--label", label, volume), undo=undo)


def _boot(case: Case, user: str, more: tuple[Step, ...]) -> Boot:
    """Boot the builder. The undo removes only what was not there before; ``more`` does so on a cluster."""
    undo = tuple(step for box in case.boxes if box.made for step in set_aside.gone(case.host, case.facts, box)) + more
    lenient = len(case.want.nodes) > 1  # a node that is down must not make the others fail
    afresh = () if lenient else tuple(_afresh(case))
    alone = case.buildx is None or case.buildx < commands.LOCKS_LESS
    return Boot(commands.boot(case.want.builder.name), undo, PULL, runner(user), lenient, afresh, alone)


def _afresh(case: Case) -> Iterator[tuple[str, ...]]:
    """Yield commands that remove what a failed boot left and the image, and pull the image again."""
    for box in (box for box in case.boxes if box.made and box.found is None):
        image = drivers.image(box.place.node.options)
        yield box.place.docker("container", "rm", "--force", box.place.name)
        yield box.place.docker("image", "rm", "--force", image)
        yield box.place.docker("image", "pull", image)


def _policy(case: Case) -> Iterator[Step]:
    """Set the restart policy with docker if buildx does not support it, or if an existing container has another one."""
    told = case.buildx is not None and case.buildx >= commands.KNOWS_RESTART
    for box in case.boxes:
        wrong = box.wrong.get(keys.POLICY)
        if (box.made and not told) or (wrong is not None and not box.made):
            argv, policy = (
                ("container", "update", "--restart"),
                str(case.want.fields[keys.POLICY._replace(node=box.place.key)]),
            )
            undo = (box.run(*argv, str(wrong.have), box.place.name),) if wrong and wrong.have else ()
            yield replace(box.run(*argv, policy, box.place.name), undo=undo)


def _select(case: Case, user: str) -> Iterator[Step]:
    """Select the builder permanently, for every name of this engine.

    ``create --use`` would remove the default of the endpoint.
    """
    mine = case.of(user)
    account = case.host.account(user)
    if account is None or not mine & set(keys.SELECTION):
        return
    kept, name = store.of(case.host, account), case.want.builder.name
    for way in (*selection.missing_ways(case.host, case.facts, kept, name), ""):
        files = (kept.current_file, kept.default_file(way or case.facts.endpoint.host))
        undo = tuple(step for path in files for step in registration.put_back(case.host, path, user))
        yield Run(commands.use(name, way), undo=undo, user=runner(user))
