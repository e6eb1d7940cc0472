"""Whose an engine is, and whether it is ours to provision."""

from provisioner.engine import info, kinds, places, running
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.info import Engine
from provisioner.engine.kinds import Kind
from provisioner.errors import DeniedError, NoEngineError
from provisioner.model import Reader

KERNEL = "/proc/sys/kernel/osrelease"
CONTAINED = ("/.dockerenv", "/run/.containerenv")


def provisionable(host: Reader, where: Endpoint, *, needed: bool) -> Engine:
    """The engine that is ours to provision; NONE where there is none and none is needed."""
    try:
        found = asked(host, where)
        row = kinds.of(found.kind)
        if not row.builder:
            raise NoEngineError(f"{where.host}: this is {row.title}, which is not ours to provision", hint=row.advice)
        if row.owner == "user" and host.uid == 0:  # root would leave files there that the user cannot write
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
    """The engine that answers, and what kind it is on this host. NoEngineError, DeniedError."""
    found = info.ask(host, where)
    row = kinds.of(found.kind)
    if row.layout is not None and _elsewhere(host, row, found):
        return found._replace(kind=kinds.ELSEWHERE.name)
    return found


def stranger(host: Reader, row: Kind, where: Endpoint) -> bool:
    """Whether an engine is another one of its kind than the one whose unit and file are known."""
    return row.only and where.socket not in [places.expanded(host, s) for s in row.sockets]


def _elsewhere(host: Reader, row: Kind, found: Engine) -> bool:
    """Whether an engine that looks like one of this host's runs on another kernel, or among other files than ours.

    Only root can tell that a folder is not there, and a sandbox of systemd's may hide it: then a dockerd is seen.
    """
    if row.name == "container" and not any(host.stat(sign) for sign in CONTAINED):
        return True
    kernel = (host.read(KERNEL) or "").strip() if row.layout and row.layout.pid else ""
    if not kernel or found.kernel not in ("", kernel):
        return bool(kernel)
    out_of_sight = host.uid == 0 and host.stat(found.root) is None
    return out_of_sight and not (row.layout and running.runs(host, row.layout))
