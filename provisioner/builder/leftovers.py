"""Find what builders leave behind: unused caches, dead builders of ours, and containers kept for a rollback.

A thing is ours if an apply made it, so that the undo of that apply would remove it.
"""

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from provisioner.builder import commands, container, kubeconfig, set_aside, store, workload
from provisioner.builder.cluster_step import CallCluster
from provisioner.config import drivers
from provisioner.engine import traces
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.steps import Step
from provisioner.steps.programs import Run

MADE = {"deployments": "a Deployment", "statefulsets": "a StatefulSet", "persistentvolumeclaims": "a cache"}
PREFIX = drivers.container("")
FORGET = commands.forget("")[:-1]


class LeftOver(NamedTuple):
    """One thing that is left over, and the reason.

    ``steps`` remove it. There are none if it is not ours or still works. ``size`` is the size of its cache in bytes.
    None means unknown.
    """

    name: str
    why: str
    ours: bool = True
    steps: tuple[Step, ...] = ()
    size: int | None = None

    def __str__(self) -> str:
        """Return one line for a person."""
        size = "" if self.size is None else f", {self.size / 1e6:.1f} MB"
        return f"{self.name}: {self.why}{size}{', ours' if self.ours else ''}"


Found = tuple[LeftOver, str]  # with the volume that holds its cache


class Engine(NamedTuple):
    """What the engine has from buildx: containers by name, and volumes that no container uses."""

    containers: frozenset[str]
    unused: frozenset[str]


def found(
    host: Reader, socket: str, undo: Collection[Run | CallCluster], configured: str = "", version: str = ""
) -> tuple[LeftOver, ...]:
    """Return what is left over.

    ``undo`` holds the steps that undo the applies in effect. ``configured`` is the builder in use. It is not left over.
    ``version`` is the prefix of the engine's API that is asked for sizes.
    """
    undoes = tuple(step for step in undo if isinstance(step, Run))
    there = _engine(host, socket)
    builders = tuple(_builders(host, there, undoes, configured))
    marked = traces.labelled(host, socket).keys() if there.unused else ()
    told = {container.volume(drivers.first(configured)), *(volume for _, volume in builders)}
    caches = tuple(_cache(volume, undoes, marked) for volume in sorted(there.unused - told))
    all_of_them = (*builders, *_kept(there, undoes), *caches)
    sizes = traces.sizes(host, socket, version) if builders or caches else {}
    elsewhere = _on_clusters(host, [step for step in undo if isinstance(step, CallCluster)], configured)
    return (*(left._replace(size=sizes.get(volume)) for left, volume in all_of_them), *elsewhere)


def _on_clusters(host: Reader, undo: Collection[CallCluster], configured: str) -> Iterator[LeftOver]:
    """Yield what applies have made on clusters and no configured builder uses.

    Clusters that do not answer are skipped.
    """
    deletes = {step.path: step for step in undo if step.method == "DELETE"}
    for path, step in deletes.items():
        *_, plural, name = path.split("/")
        owner = name.removeprefix(f"{workload.CLAIM}-")
        if plural not in MADE or (configured and owner.startswith(workload.named(configured))):
            continue
        with contextlib.suppress(ProvisionerError):
            access = kubeconfig.access(host, step.kubeconfig, step.user, step.context)
            if host.ask_cluster(access, path) is not None:
                yield LeftOver(
                    name, f"{MADE[plural]} at {access.server} that no configured builder uses", steps=(step,)
                )


def _builders(host: Reader, there: Engine, undoes: Collection[Run], configured: str) -> Iterator[Found]:
    """Yield the builders that applies have registered, except the configured one."""
    for name in sorted({step.argv[-1] for step in undoes if step.argv[:-1] == FORGET} - {configured}):
        drivers_of = {s: _driver(host, name, s.user) for s in undoes if s.argv == commands.forget(name)}
        forget = tuple(s for s, driver in drivers_of.items() if driver)
        users = ", ".join(step.user or "root" for step in forget)
        node = drivers.first(name)
        box, volume = drivers.container(node), container.volume(node)
        gone = tuple(s for s in (_rm(box), _drop(volume)) if s in undoes)
        if forget and (box in there.containers or drivers.CONTAINER not in drivers_of.values()):
            yield LeftOver(name, f"a builder that is no longer configured, registered for {users}"), volume
        elif forget:
            why = f"a builder whose container is gone, registered for {users}"
            yield LeftOver(name, why, steps=forget + gone), volume
        elif box in there.containers and _rm(box) in undoes:
            yield LeftOver(name, f"a builder that nobody has registered any more, in {box}", steps=gone), volume


def _kept(there: Engine, undoes: Collection[Run]) -> Iterator[Found]:
    """Yield the containers that were set aside for a rollback, with the steps that remove each and its image's tag."""
    for step in undoes:
        *_, old, name = step.argv
        if set_aside.MARK in old and old in there.containers:
            image = tuple(s for s in undoes if s.argv == ("docker", "image", "rm", set_aside.image(old)))
            yield LeftOver(old, f"kept so that a rollback can give {name} back", steps=(_rm(old), *image)), ""


def _cache(volume: str, undoes: Collection[Run], marked: Collection[str]) -> Found:
    ours = _drop(volume) in undoes or volume in marked
    why = "a cache that no builder uses"
    steps, hint = ((_drop(volume),), "; `provisioner apply --delete-caches` deletes it") if ours else ((), "")
    return LeftOver(volume, f"{why}{hint}", ours, steps), volume


def _driver(host: Reader, name: str, user: str) -> str:
    """Return the driver of a builder that is registered for a user; empty if there is none or it cannot be read."""
    account = host.account(user or "root")
    try:
        there = store.instance(host, store.of(host, account), name) if account else None
    except ProvisionerError:
        there = None
    return there.driver if there else ""


def _engine(host: Reader, socket: str) -> Engine:
    """Return what the engine lists, without measuring sizes."""
    names = [n for c in _listed(host, socket, "/containers/json?all=1&", {}) for n in c.get("Names") or ()]
    loose = (_listed(host, socket, "/volumes?", {"dangling": ["true"]}) or {}).get("Volumes") or ()
    unused = frozenset(v["Name"] for v in loose if v["Name"].startswith(PREFIX) and v["Name"].endswith("_state"))
    return Engine(frozenset(n.lstrip("/") for n in names), unused)


def _listed(host: Reader, socket: str, path: str, filters: Mapping[str, list[str]]) -> Any:
    from urllib.parse import quote  # the import is slow (a tenth of a check), and a check never gets here

    return host.get(socket, f"{path}filters={quote(json.dumps({'name': [PREFIX], **filters}))}") or {}


def _rm(name: str) -> Run:
    return Run(("docker", "container", "rm", "--force", name))


def _drop(volume: str) -> Run:
    return Run(("docker", "volume", "rm", "--force", volume))
