"""Plan the removal of builders that are no longer configured: the registrations, the container, and the selection.

The cache stays, unless the command line says otherwise, because it may have taken hours to fill.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from provisioner.builder import choices, commands, keys, node_engines, registration, store, unwanted
from provisioner.builder.commands import PULL, runner
from provisioner.builder.keys import Key
from provisioner.config import drivers
from provisioner.config.desired import Builder
from provisioner.engine import api, traces
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError, DeniedError
from provisioner.model import Reader
from provisioner.steps import Blocked, Obstacle, Step
from provisioner.steps.files import RemoveFile
from provisioner.steps.programs import Run
from provisioner.text.sizes import human


class Removed(NamedTuple):
    """The steps that remove what is no longer configured, what is blocked, and notes."""

    steps: tuple[Step, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()


def plan(host: Reader, facts: Facts, builder: Builder, gone: Collection[Key], *, caches: bool) -> Removed:
    """Return how to remove what ``gone`` names. ``caches``: also delete the caches of the builders."""
    steps: list[Step] = []
    blocked: list[Blocked] = []
    notes: list[str] = []
    for key in gone:
        if key.part == keys.CACHE:
            steps.append(drop(key.name))
        elif key.part != keys.FORMER:
            steps += _forget(host, builder.name, key.user, facts.endpoint.host)
        elif why := _building(host, facts, key.name):
            blocked += why.blocks(keys.words(key))
        else:
            at = facts.endpoint.host
            users = [user for user in facts.made[key.name] if unwanted.registered(host, key.name, user, at)]
            steps += _container(host, facts, key.name, users)
            for user in users:  # users of the new builder have already selected that one
                steps += _forget(host, key.name, user, at, selected=user not in builder.users)
            volume = unwanted.volume(key.name)
            if facts.socket and host.get(facts.socket, f"/volumes/{volume}") is not None:
                steps += [drop(volume)] if caches else []
                notes += [] if caches else [_kept(host, facts, volume)]
    return Removed(tuple(steps), tuple(blocked), tuple(notes))


def drop(volume: str) -> Run:
    """Return the step that deletes a cache."""
    return Run(("docker", "volume", "rm", "--force", volume))


def _forget(host: Reader, name: str, user: str, endpoint: str, *, selected: bool = True) -> Iterator[Step]:
    """Remove a builder from a user's store. An apply looks at the result, because buildx fails for a dead engine."""
    for step in forget(host, name, user, endpoint, selected=selected):
        yield replace(step, lenient=True) if isinstance(step, Run) else step


def forget(host: Reader, name: str, user: str, endpoint: str, *, selected: bool = True) -> Iterator[Step]:
    """Remove a builder from a user's store. The undo restores each file.

    ``selected``: also remove the user's choices of it, because nothing else replaces them.
    """
    account = host.account(user)
    if account is None:
        return
    kept = store.of(host, account)
    back = registration.put_back(host, kept.instance_file(name), user)
    yield Run(commands.forget(name), undo=back, timeout=120, user=runner(user))
    if not selected:
        return
    yield from (RemoveFile(path, user=runner(user)) for path in _chosen(host, kept, name, endpoint))


def _chosen(host: Reader, kept: store.Store, name: str, endpoint: str) -> Iterator[str]:
    """Yield the files of a user's choices of a builder. A file that its user may not read keeps nothing from going."""
    with suppress(DeniedError, ConfigError):
        if choices.choice(host, kept).name == name:
            yield kept.current_file
    for way in (endpoint, *choices.ways(host, kept, endpoint)):
        with suppress(DeniedError, ConfigError):
            if choices.default(host, kept, way) == name:
                yield kept.default_file(way)


def _container(host: Reader, facts: Facts, name: str, users: list[str]) -> Iterator[Step]:
    """Remove the container on this host. The undo makes it again, once the builder is registered again."""
    box = drivers.container(drivers.first(name))
    if facts.socket and host.get(facts.socket, drivers.inspect_container(box)) is not None:
        again = (Run(commands.boot(name), timeout=PULL, user=runner(users[0])),) if users else ()
        yield Run(("docker", "container", "rm", "--force", box), undo=again)


def _building(host: Reader, facts: Facts, name: str) -> Obstacle | None:
    """Return the obstacle if a build runs on a former builder."""
    box = drivers.container(drivers.first(name))
    found = host.get(facts.socket, drivers.inspect_container(box)) if facts.socket else None
    if not node_engines.building_here(host, facts, found):
        return None
    return Obstacle("build-running", f"a build runs on {name}", "wait until it has ended, then apply again")


def _kept(host: Reader, facts: Facts, volume: str) -> str:
    """Return a note about a cache that stays, with its size."""
    measured = traces.sizes(host, facts.socket, api.prefix(facts.engine)).get(volume)
    size = "" if measured is None else f" ({human(measured)})"
    return f"the cache {volume}{size} is kept: `provisioner apply --delete-caches` deletes it, and so does remove"
