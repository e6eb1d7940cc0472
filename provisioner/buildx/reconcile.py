"""What is done about a builder that is not as wanted: the smallest act that mends it, as steps.

In this order, so that undoing them in the reverse one works: the container is set aside, the users' files are changed,
the builder is booted, it is selected. What was set aside goes only when all has been proven.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from provisioner.acts import Change, Held, RemoveFile, Run, SetOwner, Step, WriteFile
from provisioner.buildx import buildkitd, commands, container, drivers, held, registration, seen, store, wanted
from provisioner.buildx.wanted import Wanted
from provisioner.facts import Facts
from provisioner.model import Difference, Reader

PULL = 900  # seconds for BuildKit's image, 100 MB over somebody's line
STOP = 60
ASIDE = "-before"
SELECTION = frozenset((wanted.SELECTED, wanted.DEFAULT, wanted.WAYS))
ACCESS = frozenset((wanted.REACHES, wanted.OWNER))


class Case(NamedTuple):
    """What a plan is made from: the host, what is wanted, what is wrong, and the container that is there."""

    host: Reader
    facts: Facts
    want: Wanted
    wrong: Mapping[str, Difference]
    buildx: tuple[int, ...] | None
    found: Mapping[str, Any] | None

    @property
    def remake(self) -> bool:
        """Whether the container that is there has to be made again."""
        return self.found is not None and any(k.startswith("container ") and k != container.POLICY for k in self.wrong)

    @property
    def made(self) -> bool:
        """Whether there will be a container that was not there before."""
        status = self.wrong.get(container.STATUS)
        return self.remake or (status is not None and status.have is None)

    def of(self, user: str) -> frozenset[str]:
        """The wrong keys of a user's store, without the user's name."""
        keys = self.want.registered(user)
        return frozenset(k for k in keys if wanted.key(self.want.builder, user, k) in self.wrong)


def change(name: str, host: Reader, facts: Facts, want: Wanted, differences: tuple[Difference, ...]) -> Change:
    """A change with its steps, what is held of it, and what it means for this host."""
    wrong = {d.key: d for d in differences}
    buildx = commands.asked(host)
    found = seen.inspected(host, facts, want) if want.builder.driver == drivers.CONTAINER else None
    case = Case(host, facts, want, wrong, buildx, found)
    reason = held.whole(host, facts, want, buildx) or (held.BUILDING if _busy(case) else None)
    if reason:
        return Change(name, differences, held=tuple(reason._replace(key=key) for key in wrong))
    refused = dict(held.users(host, facts, want))
    users = [u for u in want.builder.users if u not in refused]
    stores = [step for user in users for step in registration.steps(host, want, case.of(user), user, buildx)]
    edits: list[Step] = [step for user in users for step in _own(case, user)]
    edits += _aside(case) if case.remake else ()
    edits += _with_toml(registration.toml(host), want, stores)
    if users and (case.remake or container.STATUS in wrong or (stores and len(want.nodes) > 1)):
        edits.append(_boot(case, users[0]))
    edits += _policy(case)
    edits += [step for user in users for step in _select(case, user)]
    return Change(
        name,
        differences,
        tuple(edits),
        held=tuple(_held(want, wrong, refused)),
        notes=tuple(held.notes(host, facts, want)),
        last=tuple(_discard(case)) if case.remake else (),
    )


def _busy(case: Case) -> bool:
    return case.remake and container.building(case.host, case.facts, case.found)


def _held(want: Wanted, wrong: Mapping[str, Difference], refused: Mapping[str, Held]) -> Iterator[Held]:
    """What is held of the users for whom nothing can be done."""
    for user, reason in refused.items():
        for key in want.registered(user):
            if (full := wanted.key(want.builder, user, key)) in wrong:
                yield reason._replace(key=full)


def _own(case: Case, user: str) -> Iterator[Step]:
    """Give a user's files to the user: buildx, run with sudo once, leaves root's behind."""
    account = case.host.account(user)
    if account is None or wanted.OWNER not in case.of(user):
        return
    for path in seen.owned(store.of(account), case.want):
        there = case.host.status(path)
        if there is not None and there.uid != account.uid:
            yield SetOwner((path,), account.uid, account.gid)


def _aside(case: Case) -> Iterator[Step]:
    """Stop the container and give it another name; the new one gets its state volume."""
    name, first = _container(case), case.want.builder.users[0]
    again = Run(commands.boot(case.want.builder.name), timeout=PULL, user=_as(first))
    yield Run(commands.container("stop", name), undo=(again,), timeout=STOP)
    back = Run(commands.container("rename", name + ASIDE, name))
    yield Run(commands.container("rename", name, name + ASIDE), undo=(back,))


def _discard(case: Case) -> Iterator[Step]:
    yield Run(commands.container("rm", "--force", _container(case) + ASIDE))


def _with_toml(path: str, want: Wanted, stores: list[Step]) -> list[Step]:
    """buildx reads buildkitd.toml from a file, which it needs for as long only."""
    if not any(isinstance(s, Run) and path in s.argv for s in stores):
        return stores
    return [WriteFile(path, buildkitd.text(want.toml)), *stores, RemoveFile(path)]


def _boot(case: Case, user: str) -> Run:
    """Boot the builder; undoing that takes away only what was not there before."""
    undo: tuple[Step, ...] = ()
    if case.made:
        undo = (Run(commands.container("rm", "--force", _container(case))),)
        volume = container.volume(case.want.nodes[0].name)
        if case.host.get(case.facts.socket, f"/volumes/{volume}") is None:
            undo = (*undo, Run(("docker", "volume", "rm", "--force", volume)))
    lenient = len(case.want.nodes) > 1  # a node that is down must not fail the others
    return Run(commands.boot(case.want.builder.name), undo=undo, timeout=PULL, user=_as(user), lenient=lenient)


def _policy(case: Case) -> Iterator[Step]:
    """Where buildx cannot be told, or a container has another policy by now, docker is."""
    wrong = case.wrong.get(container.POLICY)
    made = case.made
    told = case.buildx is not None and case.buildx >= commands.KNOWS_RESTART
    if (made and not told) or (wrong is not None and not made):
        policy = str(case.want[container.POLICY])
        argv = ("update", "--restart")
        undo = (Run(commands.container(*argv, str(wrong.have), _container(case))),) if wrong and wrong.have else ()
        yield Run(commands.container(*argv, policy, _container(case)), undo=undo)


def _select(case: Case, user: str) -> Iterator[Step]:
    """Select it for good, for this engine's every name: ``create --use`` would take the endpoint's default away."""
    mine = case.of(user)
    account = case.host.account(user)
    if account is None or not mine & SELECTION:
        return
    kept, name = store.of(account), case.want.builder.name
    for way in (*seen.missing_ways(case.host, case.facts, kept, name), ""):
        files = (kept.current_file, kept.default_file(way or case.facts.endpoint.host))
        undo = tuple(step for path in files for step in registration.put_back(case.host, path, user))
        yield Run(commands.use(name, way), undo=undo, user=_as(user))


def _container(case: Case) -> str:
    return container.name(case.want.nodes[0].name)


def _as(user: str) -> str:
    return "" if user == "root" else user
