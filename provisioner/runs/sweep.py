"""What is recognizably ours on a host without its history, and the steps that remove it.

Files are recognized by their names and first lines, builders by the label of their volume, and all of it by the record
that applies keep outside their history. What a setting was before is lost with the history, so the setting is removed.
"""

from collections.abc import Iterator
from typing import NamedTuple

from provisioner.builder import removing, unwanted
from provisioner.config import drivers
from provisioner.config.desired import Desired
from provisioner.daemon.restart import Restart
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
from provisioner.runs import hourly
from provisioner.runs.undo import DO, Item
from provisioner.steps import Step
from provisioner.steps.files import RemoveDirectory, RemoveFile, SetLeaf
from provisioner.steps.programs import Run
from provisioner.text import json_edit, json_read

WRITTEN = "Written by provisioner"


class Part(NamedTuple):
    """What is ours on one engine or on the host itself, and the restart that its removal needs."""

    desired: Desired
    steps: tuple[Step, ...]
    restart: Step | None = None


def parts(host: Reader, desired: Desired) -> Iterator[Part]:
    """Yield what is ours: on the engine that ``desired`` names, in its daemon.json, and on the host."""
    yield Part(desired, tuple(_builders(host, desired)))
    settings = tuple(_settings(host))
    yield Part(desired, settings, _restart(host, desired) if settings else None)
    yield Part(desired, tuple(_files(host)))


def _builders(host: Reader, desired: Desired) -> Iterator[Step]:
    """Remove our builders: the container, each user's registration, and the cache."""
    try:
        where = endpoints.endpoint(host, desired.engine)
        seen = facts.gather(host, desired, quick=True, far=False)
    except ProvisionerError:
        return
    marked = traces.labelled(host, seen.socket) if seen.socket else {}
    for name in dict.fromkeys((*seen.made, *marked.values())):
        box = drivers.container(drivers.first(name))
        if seen.socket and host.get(seen.socket, drivers.inspect_container(box)) is not None:
            yield Run(("docker", "container", "rm", "--force", box))
        for user in dict.fromkeys((*seen.made.get(name, ()), *(people.everyone(host) if host.uid == 0 else ()))):
            if unwanted.registered(host, name, user, where.host):
                yield from removing.forget(host, name, user, where.host)
        volumes = {unwanted.volume(name), *(volume for volume, of in marked.items() if of == name)}
        there = (v for v in sorted(volumes) if seen.socket and host.get(seen.socket, f"/volumes/{v}") is not None)
        yield from map(removing.drop, there)


def _settings(host: Reader) -> Iterator[Step]:
    """Remove the settings of ours that nobody has changed since, and the file if it says nothing else."""
    record = memory.record(host)
    for file in traces.settings(record):
        before = host.read(file)
        for keys in traces.unchanged(host, record, file):
            text = json_edit.drop(before or "{}", keys)
            after = text if json_read.load(text, file) else None
            yield SetLeaf(file, keys, None, before, after)
            before = after


def _restart(host: Reader, desired: Desired) -> Step | None:
    """Return the restart of the engine, or None if it is down. It reads its file when it starts."""
    try:
        seen = facts.gather(host, desired, quick=True, far=False)
    except ProvisionerError:
        return None
    return Restart(seen.layout.unit, seen.socket, flavour=seen.engine.kind) if seen.socket else None


def _files(host: Reader) -> Iterator[Step]:
    """Remove the emulators' files with the entries that they have registered, and the hourly check's group."""
    if WRITTEN in (host.read(hourly.DROP_IN) or ""):
        yield from (RemoveFile(hourly.DROP_IN), RemoveDirectory(hourly.FOLDER), hourly.RELOAD)
    for name in host.names(BINFMT_D):
        if name.startswith(OURS) and name.endswith(".conf"):
            path = f"{BINFMT_D}/{name}"
            for rule in binfmt.parse_rules(host.read(path) or ""):
                if f"\ninterpreter {rule.interpreter}\n" in (host.read(f"{BINFMT}/{rule.name}") or ""):
                    yield Unregister(f"{BINFMT}/{rule.name}")
            yield RemoveFile(path)
    for service in SERVICES.values():
        if WRITTEN in (host.read(service.path) or "") and boot.SERVICE in service.path:
            yield Run(service.disable)
            yield RemoveFile(service.path)
    if host.stat(SCRIPT):
        yield RemoveFile(SCRIPT)
    for version in host.names(VERSIONS):
        if host.stat(f"{VERSIONS}/{version}/{MANIFEST}"):
            for name in host.names(f"{VERSIONS}/{version}"):
                yield RemoveFile(f"{VERSIONS}/{version}/{name}")


def empty(host: Reader) -> Iterator[Item]:
    """Yield the removal of our directories that are empty by then, innermost first.

    The outermost one may also hold the program itself, if it was installed there.
    """
    folders = [f"{VERSIONS}/{version}" for version in host.names(VERSIONS)]
    above, _, versions = VERSIONS.rpartition("/")
    ours = {versions, SCRIPT.rpartition("/")[2]}
    outermost = (above,) if set(host.names(above)) <= ours else ()
    for folder in (*folders, VERSIONS, *outermost):
        if host.stat(folder):
            yield Item(RemoveDirectory(folder), DO)
