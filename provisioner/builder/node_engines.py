"""Where a builder's containers are: on this host, asked over its engine's socket, and elsewhere, asked by docker.

A check looks at this host's alone, for another engine may be slow, or dead, and to ask it takes a program.
"""

import functools
import json
from collections.abc import Mapping

from provisioner.builder import container, store
from provisioner.config import drivers
from provisioner.engine import endpoints, info
from provisioner.engine.facts import Facts
from provisioner.engine.info import Engine
from provisioner.errors import NoEngineError
from provisioner.model import Ran, Reader, State, Value
from provisioner.typed import Any, NamedTuple

ANSWER = 10  # seconds that an engine elsewhere has
ABLE = info.NONE._replace(cgroupfs=True)  # which limits another engine cannot enforce is known when it is asked
SILENT = info.NONE._replace(unlimited=tuple(limit.option for limit in container.LIMITS))  # so none is compared


class Place(NamedTuple):
    """One node's container. ``way``: docker's words to get to its engine as ``user``; none: this host's engine."""

    node: store.Node
    way: tuple[str, ...] = ()
    user: str = ""

    @property
    def name(self) -> str:
        """The container."""
        return drivers.container(self.node.name)

    @property
    def prefix(self) -> str:
        """What stands before the keys of the container."""
        return f"node {self.node.name} " if self.way else ""

    def docker(self, *words: str) -> tuple[str, ...]:
        """A command line for that engine."""
        return ("docker", *self.way, *words)


def of(nodes: tuple[store.Node, ...], facts: Facts, user: str) -> tuple[Place, ...]:
    """This host's own node, which is the first, and where there is time for them the others, reached by ``user``."""
    own, *others = nodes
    if not facts.far:
        return (Place(own),)
    return (Place(own), *(elsewhere(node, user) for node in others))


def elsewhere(node: store.Node, user: str) -> Place:
    """Another node than this host's own: an address, or the name of a docker context."""
    return Place(node, ("--host" if "://" in node.endpoint else "--context", node.endpoint), user)


def want(place: Place, facts: Facts, toml: bool) -> dict[str, Value]:
    """What the container has to be."""
    able = ABLE if place.way else facts.engine
    return {place.prefix + k: v for k, v in container.want(place.node, able, toml).items()}


def have(host: Reader, facts: Facts, place: Place, found: Mapping[str, Any] | None, asked: State) -> dict[str, Value]:
    """What the container is, by the keys of ``asked``, which have no prefix; its files are for others to read."""
    state = container.have(found, asked)
    if found is None:
        return state
    if place.way:  # a limit that its engine cannot enforce is not compared
        known = container.want(place.node, told(host, facts, place), toml=False)
        limits = (f"container {limit.option}" for limit in container.LIMITS)
        state |= {k: asked[k] for k in limits if k in asked and k not in known}
    if container.IMAGE_ID in asked:
        name = drivers.image(place.node.options)
        named = state["container image"] == asked["container image"]  # else it is told already
        state[container.IMAGE_ID] = container.latest(found, name, image(host, facts, place, name) if named else "")
    return state


def inspected(host: Reader, facts: Facts, place: Place) -> Mapping[str, Any] | None:
    """The container as its engine describes it; None: there is none, or it will be out of sight. NoEngineError."""
    found: Mapping[str, Any] | None
    if not place.way:
        found = None if facts.hidden else host.get(facts.socket, drivers.inspect_container(place.name))
        return found
    ran = _asked(host, place, "container", "inspect", place.name)
    if ran.status == 0:
        [found] = json.loads(ran.stdout)
        return found
    if "no such container" in ran.error.lower():  # of a host, or a context's file, there is none such, either
        return None
    _silent(host).add(place.way)
    raise NoEngineError(f"{place.node.endpoint} does not answer", hint=" ".join(place.docker("info")))


def file(host: Reader, facts: Facts, place: Place, found: Mapping[str, Any], path: str) -> bytes | None:
    """A file in the container; None: there is none."""
    if not place.way:
        return container.inside(host, facts, found, path)
    ran = _asked(host, place, "container", "cp", f"{place.name}:{path}", "-")
    return container.unpacked(ran.stdout.encode("utf-8", "surrogateescape")) if ran.status == 0 else None


def told(host: Reader, facts: Facts, place: Place) -> Engine:
    """What the engine of a place says of itself, if anything."""
    if not place.way:
        return facts.engine
    ran = _asked(host, place, "info", "--format", "{{json .}}")
    found = json.loads(ran.stdout) if ran.status == 0 else {}
    if "ServerVersion" not in found:  # of what went wrong with the server `docker info` makes no failure of its own
        return SILENT
    return info.engine(found, endpoints.Endpoint("", place.node.endpoint, ""))


def image(host: Reader, facts: Facts, place: Place, name: str) -> str:
    """The digest of what an image's name stands for there; empty: nothing."""
    if not place.way:
        return str((host.get(facts.socket, drivers.inspect_image(name)) or {}).get("Id") or "")
    return _asked(host, place, "image", "inspect", "--format", "{{.Id}}", name).stdout.strip()


def building(host: Reader, facts: Facts, place: Place, found: Mapping[str, Any] | None) -> bool:
    """Whether somebody builds there now."""
    if not place.way:
        return container.building(host, facts, found)
    return (
        found is not None
        and "dial-stdio" in _asked(host, place, "container", "top", place.name, "-eo", "pid,args").stdout
    )


def volume(host: Reader, facts: Facts, place: Place, name: str) -> bool:
    """Whether there is a volume; where that cannot be found out, there is."""
    if not place.way:
        return host.get(facts.socket, f"/volumes/{name}") is not None
    ran = _asked(host, place, "volume", "inspect", name)
    return ran.status == 0 or "no such volume" not in ran.error.lower()


def _asked(host: Reader, place: Place, *words: str) -> Ran:
    if place.way in _silent(host):
        return Ran(None, "", "it did not answer before")
    return host.ask(*place.docker(*words), timeout=ANSWER, user=place.user)


@functools.lru_cache
def _silent(_: Reader) -> set[tuple[str, ...]]:
    """The ways that led nowhere: a run that asks again and again would wait each time."""
    return set()
