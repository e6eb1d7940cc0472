"""Who owns an engine, and whether it is ours to provision."""

from provisioner.engine import info, kinds, places, running
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.info import Engine
from provisioner.engine.kinds import Kind
from provisioner.errors import DeniedError, NoEngineError
from provisioner.model import Reader

KERNEL = "/proc/sys/kernel/osrelease"
CONTAINED = ("/.dockerenv", "/run/.containerenv")


def provisionable(host: Reader, where: Endpoint, *, needed: bool) -> Engine:
    """Return the engine at an endpoint if it is ours to provision.

    Returns: NONE if there is no such engine and ``needed`` is false.
    Raises: NoEngineError, DeniedError if there is no such engine and ``needed`` is true.
    """
    try:
        found = asked(host, where)
        row = kinds.of(found.kind)
        if not row.builder:
            raise NoEngineError(f"{where.host}: this is {row.title}, which is not ours to provision", hint=row.advice)
        if row.owner == "user" and host.uid == 0:  # root would create files there that the user cannot write
            reason = f"{where.host}: {row.title} belongs to a user, and root does not provision it"
            raise DeniedError(reason, hint="run provisioner as that user, without sudo")
        if stranger(host, row, where):
            whose = "this host's" if row.owner == "root" else "this user's"
            hint = f"leave {where.source} away to provision the engine at {places.expanded(host, row.sockets[0])}"
            raise NoEngineError(f"{where.host} ({where.source}) is not {whose} docker.service", hint=hint)
    except (NoEngineError, DeniedError):
        if needed:
            raise
        return info.NONE
    return found


def asked(host: Reader, where: Endpoint) -> Engine:
    """Ask the engine what it is, and check whether it really runs on this host.

    Raises: NoEngineError, DeniedError.
    """
    found = info.ask(host, where)
    row = kinds.of(found.kind)
    if row.layout is not None and _elsewhere(host, row, found):
        return found._replace(kind=kinds.ELSEWHERE.name)
    return found


def stranger(host: Reader, row: Kind, where: Endpoint) -> bool:
    """Whether this is a different engine of its kind, whose unit and configuration file we do not know."""
    return row.only and where.socket not in [places.expanded(host, s) for s in row.sockets]


def _elsewhere(host: Reader, row: Kind, found: Engine) -> bool:
    """Whether an engine that looks like this host's own runs on another kernel or sees other files.

    Only root can tell that a folder is missing. A systemd sandbox may also hide it, so a visible dockerd overrules
    that.
    """
    if row.name == "container" and not any(host.stat(sign) for sign in CONTAINED):
        return True
    kernel = (host.read(KERNEL) or "").strip() if row.layout and row.layout.pid else ""
    if not kernel or found.kernel not in ("", kernel):
        return bool(kernel)
    out_of_sight = host.uid == 0 and host.stat(found.root) is None
    return out_of_sight and not (row.layout and running.runs(host, row.layout))
