"""Find every daemon that this host's sockets, contexts and processes show, so that nobody provisions the wrong one."""

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
    """What answers at an address. ``engine`` is None if nothing answers, and ``problem`` then says why."""

    where: Endpoint
    engine: Engine | None
    problem: str = ""

    @property
    def kind(self) -> Kind:
        """Return the kind of this engine."""
        return kinds.of(self.engine.kind if self.engine else info.NONE.kind)


def every(host: Reader, counting: Endpoint) -> tuple[Daemon, ...]:
    """Return all daemons that can be found, the endpoint in use first. Two addresses of one socket count once."""
    found: dict[object, Daemon] = {}
    for where in (counting, *_candidates(host)):
        there = _identity(host, where)
        if there is not None and there not in found:
            found[there] = _asked(host, where) if where == counting or not _far(where) else _unasked(where)
        elif where == counting:
            found[where.host] = _asked(host, where)
    return tuple(found.values())


def whose(host: Reader, daemon: Daemon) -> str:
    """Return OURS if we provision this daemon. Otherwise return why not, or who does."""
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
    """Return the daemons that `engine: all` provisions."""
    return tuple(d for d in every(host, counting) if whose(host, d) == OURS)


def _asked(host: Reader, where: Endpoint) -> Daemon:
    try:
        return Daemon(where, ownership.asked(host, where))
    except ProvisionerError as e:
        return Daemon(where, None, e.message)


def _far(where: Endpoint) -> bool:
    return "://" in (where.socket or "")


def _unasked(where: Endpoint) -> Daemon:
    """Return a daemon on another machine without connecting to it: a machine that is off takes half a minute."""
    return Daemon(where, None, f"{where.host} ({where.source}): on another machine, and not asked")


def _identity(host: Reader, where: Endpoint) -> object:
    """Return a value that all addresses of one daemon share, or None if there is no such socket."""
    if where.socket is None or _far(where):
        return where.host
    try:
        there = host.stat(where.socket)
    except ProvisionerError:
        return where.host
    return there.inode if there else None


def _candidates(host: Reader) -> Iterator[Endpoint]:
    rows = (kinds.ENGINE, *kinds.KINDS)  # Engine comes first, so it names a socket that several rows list
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
    """Return the paths that match a pattern with at most one ``*``, which stands for a whole folder name."""
    before, star, after = pattern.partition("*")
    if not star:
        return (pattern,)
    try:
        return tuple(f"{before}{name}{after}" for name in host.names(before.rstrip("/")))
    except ProvisionerError:
        return ()


def _listening(argv: tuple[str, ...]) -> Iterator[Endpoint]:
    """Yield the Unix sockets that dockerd's flags name."""
    for address in command_line.values(argv, "-H", "--host"):
        if address.startswith("unix://"):
            yield Endpoint("", address, "a running dockerd")
