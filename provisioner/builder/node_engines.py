"""Ask the engines of a builder's nodes: this host's over its socket, any other with docker's command line."""

import contextlib
import functools
from collections.abc import Iterator, Mapping

from provisioner.builder import container, keys
from provisioner.builder.keys import Key
from provisioner.builder.places import Place
from provisioner.config import drivers
from provisioner.engine import endpoints, info
from provisioner.engine.facts import Facts
from provisioner.engine.info import Engine
from provisioner.errors import DeniedError, NoEngineError
from provisioner.model import Ran, Reader, Value
from provisioner.text import plain_json
from provisioner.typed import Any

ANSWER = 10  # seconds in which another engine must answer
SILENT = info.NONE._replace(unlimited=tuple(limit.option for limit in container.LIMITS))  # so that no limit is compared
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-")  # in an address


def have(
    host: Reader, facts: Facts, place: Place, found: Mapping[str, Any] | None, asked: Mapping[Key, Value]
) -> dict[Key, Value]:
    """Return the state of the container, by the keys of ``asked``, which have no node. It leaves out the files."""
    state = container.have(found, asked)
    if found is None:
        return state
    if place.way:  # do not compare a limit that its engine cannot enforce
        known = container.want(place.node, told(host, facts, place), toml=False)
        limits = (limit.key for limit in container.LIMITS)
        state |= {k: asked[k] for k in limits if k in asked and k not in known}
    if keys.IMAGE_ID in asked:
        name = drivers.image(place.node.options)
        named = state[keys.IMAGE] == asked[keys.IMAGE]  # a wrong image is already reported
        state[keys.IMAGE_ID] = container.latest(found, name, image(host, facts, place, name) if named else "")
    return state


def inspected(host: Reader, facts: Facts, place: Place) -> Mapping[str, Any] | None:
    """Return the container as its engine describes it; None if there is none, or if a change will hide it.

    Raises:
        NoEngineError: The engine does not answer.
    """
    found: Mapping[str, Any] | None
    if not place.way:
        found = None if facts.hidden else host.get(facts.socket, drivers.inspect_container(place.name))
        return found
    ran = _asked(host, place, "container", "inspect", place.name)
    if ran.status == 0:
        [found] = plain_json.loads(ran.stdout)
        return found
    if "no such container" in ran.error.lower():  # a missing host or context says "no such" too
        return None
    _silent(host).add(place.way)
    raise NoEngineError(f"{place.node.endpoint} does not answer", hint=" ".join(place.docker("info")))


def file(host: Reader, facts: Facts, place: Place, found: Mapping[str, Any], path: str) -> bytes | None:
    """Return a file in the container; None if it does not exist."""
    if not place.way:
        return _inside(host, facts, found, path)
    ran = _asked(host, place, "container", "cp", f"{place.name}:{path}", "-")
    return _unpacked(ran.stdout.encode("utf-8", "surrogateescape")) if ran.status == 0 else None


def told(host: Reader, facts: Facts, place: Place) -> Engine:
    """Return what the engine of a place says about itself, or ``SILENT`` if it does not answer."""
    if not place.way:
        return facts.engine
    ran = _asked(host, place, "info", "--format", "{{json .}}")
    found = plain_json.loads(ran.stdout) if ran.status == 0 else {}
    if "ServerVersion" not in found:  # `docker info` exits with 0 even if it could not reach the server
        return SILENT
    return info.engine(found, endpoints.Endpoint("", place.node.endpoint, ""))


def image(host: Reader, facts: Facts, place: Place, name: str) -> str:
    """Return the digest of the image that a name stands for on that engine; empty if it has none."""
    if not place.way:
        return str((host.get(facts.socket, drivers.inspect_image(name)) or {}).get("Id") or "")
    return _asked(host, place, "image", "inspect", "--format", "{{.Id}}", name).stdout.strip()


def building(host: Reader, facts: Facts, place: Place, found: Mapping[str, Any] | None) -> bool:
    """Return whether a build runs in the container now."""
    if not place.way:
        return building_here(host, facts, found)
    return (
        found is not None
        and "dial-stdio" in _asked(host, place, "container", "top", place.name, "-eo", "pid,args").stdout
    )


def volume(host: Reader, facts: Facts, place: Place, name: str) -> bool:
    """Return whether a volume exists. If that cannot be found out, assume that it does."""
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
    """Cache the engines that did not answer. Otherwise a run would wait for each of them again."""
    return set()


def _inside(host: Reader, facts: Facts, found: Mapping[str, Any], path: str) -> bytes | None:
    """Return a file in the container; None if it does not exist."""
    pid = found["State"].get("Pid")
    if pid and host.uid == 0:
        with contextlib.suppress(DeniedError):  # root in a sandbox sees no other process
            return host.head(f"/proc/{pid}/root{path}", -1)
    archive = host.download(facts.socket, f"/containers/{found['Id']}/archive?path={_quoted(path)}")
    return None if archive is None else _unpacked(archive)


def _unpacked(archive: bytes) -> bytes:
    """Return the only file in a tar archive, or nothing if the engine sent something else."""
    size = archive[124:135].strip(b" \0")
    return archive[512 : 512 + int(size, 8)] if size.isdigit() and not size.strip(b"01234567") else b""


def _quoted(path: str) -> str:
    if _PLAIN.issuperset(path):
        return path
    from urllib.parse import quote  # the import is slow (a tenth of a check), and only odd names need it

    return quote(path)


def building_here(host: Reader, facts: Facts, found: Mapping[str, Any] | None) -> bool:
    """Return whether a build runs in it now: each client of its daemon is a running ``buildctl dial-stdio``."""
    return any(_running(host, facts, found))


def _running(host: Reader, facts: Facts, found: Mapping[str, Any] | None) -> Iterator[bool]:
    for identity in (found or {}).get("ExecIDs") or ():
        run = host.get(facts.socket, f"/exec/{identity}/json") or {}
        process = run.get("ProcessConfig") or {}
        yield bool(run.get("Running")) and "dial-stdio" in (process.get("arguments") or ())
