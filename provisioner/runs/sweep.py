"""What is recognizably ours on a host without its history, and the steps that remove it.

Files are recognized by their names and first lines, builders by the label of their volume, and all of it by the record
that applies keep outside their history. What a setting was before is lost with the history, so the setting is removed.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from provisioner.builder import removing, unwanted
from provisioner.config import drivers
from provisioner.config.desired import Desired
from provisioner.emulators import boot
from provisioner.emulators.boot import SCRIPT
from provisioner.emulators.copied import MANIFEST
from provisioner.emulators.persistence import SERVICES
from provisioner.engine import endpoints, facts, memory, people, traces
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.platforms import binfmt
from provisioner.platforms.kernel_table import Unregister
from provisioner.platforms.machine import BINFMT, BINFMT_D, OURS, VERSIONS
from provisioner.runs import hourly, running
from provisioner.runs.undo import DO, Item
from provisioner.steps import Step
from provisioner.steps.files import RemoveDirectory, RemoveFile, SetLeaf
from provisioner.steps.programs import Run
from provisioner.text import json_edit, json_read

WRITTEN = "Written by provisioner"


class Part(NamedTuple):
    """What is ours on one engine or on the host itself, the restart that its removal needs, and what it leaves out."""

    desired: Desired
    steps: tuple[Step, ...]
    restart: Step | None = None
    note: str = ""


def parts(host: Reader, desired: Desired) -> Iterator[Part]:
    """Yield what is ours: on the engine that ``desired`` names, in its daemon.json, and on the host."""
    of_root = ((_files, False),) if host.uid == 0 else ()  # a user's own engine has no emulators of its own
    for sources, restarts in ((_builders, False), (_settings, True), *of_root):
        steps, notes = _gathered(sources(host, desired))
        restart = running.restart(host, desired) if restarts and steps else None
        yield Part(desired, steps, restart, "; ".join(notes))


def _gathered(sources: Iterable[Iterable[Step]]) -> tuple[tuple[Step, ...], list[str]]:
    """Return the steps of all sources. What cannot be looked at is left out with a note, and costs nothing else."""
    steps: list[Step] = []
    notes: list[str] = []
    for source in sources:
        try:
            steps += source
        except ProvisionerError as e:
            notes.append(f"left out: {e.message}")
    return tuple(steps), notes


def _builders(host: Reader, desired: Desired) -> Iterator[Iterable[Step]]:
    """Remove our builders: the container, each user's registration, and the cache."""
    try:
        where = endpoints.endpoint(host, desired.engine)
        seen = facts.gather(host, desired, quick=True, far=False)
    except ProvisionerError:
        return
    marked = traces.labelled(host, seen.socket) if seen.socket else {}
    for name in dict.fromkeys((*seen.made, *marked.values())):
        yield _container(host, seen.socket, name)
        for user in dict.fromkeys((*seen.made.get(name, ()), *(people.everyone(host) if host.uid == 0 else ()))):
            yield _registration(host, name, user, where.host, made=user in seen.made.get(name, ()))
        volumes = {unwanted.volume(name), *(volume for volume, of in marked.items() if of == name)}
        yield _caches(host, seen.socket, volumes)


def _container(host: Reader, socket: str, name: str) -> Iterator[Step]:
    box = drivers.container(drivers.first(name))
    if socket and host.get(socket, drivers.inspect_container(box)) is not None:
        yield Run(("docker", "container", "rm", "--force", box))


def _registration(host: Reader, name: str, user: str, endpoint: str, *, made: bool) -> Iterator[Step]:
    """Remove a user's registration. Without a record that we ``made`` it, it must be a container on this engine."""
    found = unwanted.registered(host, name, user, endpoint)
    if found == drivers.CONTAINER or (made and found in (drivers.KUBERNETES, drivers.REMOTE)):
        yield from removing.forget(host, name, user, endpoint)


def _caches(host: Reader, socket: str, volumes: Iterable[str]) -> Iterator[Step]:
    there = (v for v in sorted(volumes) if socket and host.get(socket, f"/volumes/{v}") is not None)
    yield from map(removing.drop, there)


def _settings(host: Reader, _: Desired) -> Iterator[Iterable[Step]]:
    """Remove the settings of ours that nobody has changed since, and the file if it says nothing else."""
    record = memory.record(host)
    return (_leaves(host, record, file) for file in traces.settings(record))


def _leaves(host: Reader, record: traces.Record | None, file: str) -> Iterator[Step]:
    before = host.read(file)
    for keys in traces.unchanged(host, record, file):
        text = json_edit.drop(before or "{}", keys)
        after = text if json_read.load(text, file) else None
        yield SetLeaf(file, keys, None, before, after)
        before = after


def _files(host: Reader, _: Desired) -> Iterator[Iterable[Step]]:
    """Remove the emulators' files with the entries that they have registered, and the hourly check's group."""
    yield from (_drop_in(host), _rules(host), _service(host), _copied(host))


def _drop_in(host: Reader) -> Iterator[Step]:
    if (host.read(hourly.DROP_IN) or "").startswith(hourly.OURS):
        yield from (RemoveFile(hourly.DROP_IN), RemoveDirectory(hourly.FOLDER), hourly.RELOAD)


def _rules(host: Reader) -> Iterator[Step]:
    for name in host.names(BINFMT_D):
        if name.startswith(OURS) and name.endswith(".conf"):
            path = f"{BINFMT_D}/{name}"
            for rule in binfmt.parse_rules(host.read(path) or ""):
                if f"\ninterpreter {rule.interpreter}\n" in (host.read(f"{BINFMT}/{rule.name}") or ""):
                    yield Unregister(f"{BINFMT}/{rule.name}")
            yield RemoveFile(path)


def _service(host: Reader) -> Iterator[Step]:
    for service in SERVICES.values():
        if WRITTEN in (host.read(service.path) or "") and boot.SERVICE in service.path:
            yield Run(service.disable)
            yield RemoveFile(service.path)
    if host.stat(SCRIPT):
        yield RemoveFile(SCRIPT)


def _copied(host: Reader) -> Iterator[Step]:
    for version in host.names(VERSIONS):
        if host.stat(f"{VERSIONS}/{version}/{MANIFEST}"):
            for name in host.names(f"{VERSIONS}/{version}"):
                yield RemoveFile(f"{VERSIONS}/{version}/{name}")


def empty(host: Reader) -> Iterator[Item]:
    """Yield the removal of our directories that are empty by then, innermost first.

    The outermost one may also hold the program itself, if it was installed there.
    """
    if host.uid != 0:
        return
    folders = [f"{VERSIONS}/{version}" for version in host.names(VERSIONS)]
    above, _, versions = VERSIONS.rpartition("/")
    ours = {versions, SCRIPT.rpartition("/")[2]}
    outermost = (above,) if set(host.names(above)) <= ours else ()
    for folder in (*folders, VERSIONS, *outermost):
        if host.stat(folder):
            yield Item(RemoveDirectory(folder), DO)
