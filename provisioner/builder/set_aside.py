"""Stop a container that must be made again and set it aside, because the new one may not boot.

It is removed after everything has been tested, unless a rollback needs it. If somebody made or changed it by hand,
buildx's file would not make it again. Then it is kept, and so is the image that its tag stood for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from provisioner.builder import buildkitd, container, keys, node_engines, store
from provisioner.builder.commands import runner
from provisioner.builder.keys import Key
from provisioner.builder.places import Place
from provisioner.builder.wanted import Wanted
from provisioner.config import drivers
from provisioner.engine.facts import Facts
from provisioner.errors import NoEngineError, ProvisionerError
from provisioner.model import Difference, Reader
from provisioner.steps import Step
from provisioner.steps.programs import Run

STOP = 60  # seconds; buildkitd waits until its writes are done
MARK = drivers.ASIDE
IMAGE = "provisioner-before"
ELSEWHERE = frozenset((keys.STATUS, keys.POLICY, keys.TOML, keys.IMAGE_ID))


class Box(NamedTuple):
    """A node's container as it is, and what is wrong with it, by keys without the node."""

    place: Place
    found: Mapping[str, Any] | None
    wrong: Mapping[Key, Difference]

    @property
    def remake(self) -> bool:
        """Whether it must be made again: it is not as wanted, or does not stay up."""
        status = self.wrong.get(keys.STATUS)
        if self.found is None:
            return False
        wrong = any(key not in (keys.STATUS, keys.POLICY) for key in self.wrong)
        return wrong or (status is not None and status.have in ("restarting", "dead"))

    @property
    def paused(self) -> bool:
        """Whether somebody has paused it and it does not have to be made again."""
        status = self.wrong.get(keys.STATUS)
        return not self.remake and status is not None and status.have == "paused"

    @property
    def made(self) -> bool:
        """Whether there will be a container that did not exist before."""
        status = self.wrong.get(keys.STATUS)
        return self.remake or (status is not None and status.have is None)

    @property
    def name(self) -> str:
        """The old container's name when it is set aside."""
        return f"{self.place.name}{MARK}{str((self.found or {}).get('Id'))[:12]}"

    def run(self, *words: str, timeout: int = 60) -> Run:
        """Return a step that runs docker on the container's engine."""
        return Run(self.place.docker(*words), timeout=timeout, user=runner(self.place.user))


def boxes(host: Reader, facts: Facts, want: Wanted, wrong: Mapping[Key, Difference]) -> Iterator[Box]:
    """Yield the containers of all nodes whose engines answer."""
    for place in want.places:
        try:
            found = node_engines.inspected(host, facts, place)
        except NoEngineError:
            continue
        mine = {k._replace(node=""): d for k, d in wrong.items() if k.contained and k.node == place.key}
        yield Box(place, found, mine)


def busy(host: Reader, facts: Facts, box: Box) -> bool:
    """Return whether a build runs on it."""
    return node_engines.building(host, facts, box.place, box.found)


def steps(host: Reader, facts: Facts, box: Box, again: Step) -> Iterator[Step]:
    """Stop and rename the container. The new one gets its state volume. ``again`` undoes the stop."""
    if _tagged(host, facts, box):
        name, old = drivers.image(box.place.node.options), image(box.name)
        back = (box.run("image", "tag", old, name), box.run("image", "rm", old))
        yield replace(box.run("image", "tag", name, old), undo=back)
    yield replace(box.run("container", "stop", box.place.name, timeout=STOP), undo=(again,))
    named = box.run("container", "rename", box.name, box.place.name)
    yield replace(box.run("container", "rename", box.place.name, box.name), undo=(named,))


def image(old: str) -> str:
    """Return the tag that keeps the image of a container that was set aside."""
    return f"{IMAGE}:{old.rpartition(MARK)[2]}"


def discard(host: Reader, facts: Facts, box: Box) -> Iterator[Step]:
    """Remove what was set aside."""
    yield box.run("container", "rm", "--force", box.name)
    if _tagged(host, facts, box):
        yield box.run("image", "rm", image(box.name))


def gone(host: Reader, facts: Facts, box: Box) -> Iterator[Step]:
    """Remove what a boot makes: the container, and its volume if that did not exist before."""
    volume = container.volume(box.place.node.name)
    yield box.run("container", "rm", "--force", box.place.name)
    if not node_engines.volume(host, facts, box.place, volume):
        yield box.run("volume", "rm", "--force", volume)


def note(box: Box) -> str:
    """Return a note about a container that is kept."""
    where = f" on {box.place.node.endpoint}" if box.place.way else ""
    name = box.place.name
    return f"buildx's file would not make {name} as it is: for a rollback it is kept, stopped, as {box.name}{where}"


def kept(host: Reader, facts: Facts, want: Wanted, box: Box) -> bool:
    """Return whether a rollback needs this very container, because buildx's file would make a different one."""
    account = host.account(want.builder.users[0])
    try:
        instance = store.instance(host, store.of(host, account), want.builder.name) if account else None
    except ProvisionerError:
        return True
    old = next((n for n in instance.nodes if n.name == box.place.node.name), None) if instance else None
    return old is None or keys.IMAGE_ID in box.wrong or not _makes(host, facts, old, box)


def _makes(host: Reader, facts: Facts, old: store.Node, box: Box) -> bool:
    """Return whether buildx would make this container from a node in its file."""
    files = old.files or {}
    asked = container.want(old, node_engines.told(host, facts, box.place), buildkitd.NAME in files)
    there = container.have(box.found, asked)
    if any(there[k] != v for k, v in asked.items() if k not in ELSEWHERE):
        return False
    inside = {n: node_engines.file(host, facts, box.place, box.found or {}, f"/etc/buildkit/{n}") for n in files}
    return all(_same(host, name, data, inside[name]) for name, data in files.items())


def _same(host: Reader, name: str, data: bytes, there: bytes | None) -> bool:
    """Compare two files. buildx may rewrite buildkitd.toml, so its content counts."""
    same = data == there
    return same or (
        name == buildkitd.NAME and there is not None and buildkitd.said(host, data) == buildkitd.said(host, there)
    )


def _tagged(host: Reader, facts: Facts, box: Box) -> bool:
    """Return whether making the new container may move an image tag on this host, because buildx pulls."""
    name = drivers.image(box.place.node.options)
    return "@" not in name and bool(node_engines.image(host, facts, box.place, name))
