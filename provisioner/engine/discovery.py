"""Every daemon that this host's sockets, contexts and processes tell of, so that nobody provisions the wrong one."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from provisioner.engine import contexts, info, kinds, ownership, places, processes
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.info import Engine
from provisioner.engine.kinds import Kind
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.text import command_line

USERS = "/run/user"
OURS = "ours to provision"


class Daemon(NamedTuple):
    """What answers at an address; ``engine`` None: nobody does, and ``problem`` says why."""

    where: Endpoint
    engine: Engine | None
    problem: str = ""

    @property
    def kind(self) -> Kind:
        """What kind of engine it is."""
        return kinds.of(self.engine.kind if self.engine else info.NONE.kind)


def every(host: Reader, counting: Endpoint) -> tuple[Daemon, ...]:
    """All that can be found, the one that counts first; two names of one socket are one daemon."""
    found: dict[object, Daemon] = {}
    for where in (counting, *_candidates(host)):
        there = _identity(host, where)
        if there is not None and there not in found:
            found[there] = _asked(host, where) if where == counting or not _far(where) else _unasked(where)
        elif where == counting:
            found[where.host] = _asked(host, where)
    return tuple(found.values())


def whose(host: Reader, daemon: Daemon) -> str:
    """Whether it is ours to provision, and if not, why not or whose it is."""
    row = daemon.kind
    if daemon.engine is None:
        return daemon.problem
    if row.owner == "user" and host.uid == 0:
        return "its user's to provision, without sudo"
    if not row.builder or ownership.stranger(host, row, daemon.where):
        return "not ours to provision"
    if row.layout is None:
        return "only its builder is ours to provision"
    if row.owner == "root" and host.uid != 0:
        return "root's to provision"
    return OURS


def ours(host: Reader, counting: Endpoint) -> tuple[Daemon, ...]:
    """Those that `engine: all` provisions."""
    return tuple(d for d in every(host, counting) if whose(host, d) == OURS)


def _asked(host: Reader, where: Endpoint) -> Daemon:
    try:
        return Daemon(where, ownership.asked(host, where))
    except ProvisionerError as e:
        return Daemon(where, None, e.message)


def _far(where: Endpoint) -> bool:
    return "://" in (where.socket or "")


def _unasked(where: Endpoint) -> Daemon:
    """One that nobody waits for: to find out that a machine is switched off takes half a minute."""
    return Daemon(where, None, f"{where.host} ({where.source}): on another machine, and not asked")


def _identity(host: Reader, where: Endpoint) -> object:
    """What two names of one daemon have in common; None: there is no such socket."""
    if where.socket is None or _far(where):
        return where.host
    try:
        there = host.stat(where.socket)
    except ProvisionerError:
        return where.host
    return there.inode if there else None


def _candidates(host: Reader) -> Iterator[Endpoint]:
    rows = (kinds.ENGINE, *kinds.KINDS)  # a socket of several rows is Engine's by name
    for row in rows:
        for pattern in (s for s in row.sockets if "://" not in s):
            for socket in _matching(host, places.expanded(host, pattern)):
                yield Endpoint("", f"unix://{socket}", row.title)
    for user in host.names(USERS) if host.uid == 0 else ():
        yield Endpoint("", f"unix://{USERS}/{user}/docker.sock", f"of the user {user}")
    yield from (Endpoint(*found) for found in contexts.every(host, contexts.folder(host)))
    for process in processes.every(host):
        if process.program == "dockerd" and processes.daemon(host, process):
            yield from _listening(process.argv)


def _matching(host: Reader, pattern: str) -> Iterable[str]:
    """The paths that a pattern with at most one ``*`` between two slashes stands for."""
    before, star, after = pattern.partition("*")
    if not star:
        return (pattern,)
    try:
        return tuple(f"{before}{name}{after}" for name in host.names(before.rstrip("/")))
    except ProvisionerError:
        return ()


def _listening(argv: tuple[str, ...]) -> Iterator[Endpoint]:
    """The Unix sockets that a dockerd was told to listen at."""
    for address in command_line.values(argv, "-H", "--host"):
        if address.startswith("unix://"):
            yield Endpoint("", address, "a running dockerd")
