"""What this host is, told to a person: more than a check has to know, so it may start programs."""

from typing import Any

from provisioner import engine, facts, journal, managers, platforms
from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.resources import builder


def detect(host: Reader) -> dict[str, Any]:
    """Facts by name, in the order in which one would ask. NoEngineError: nobody answers."""
    where = engine.endpoint(host)
    found = engine.ask(host, where)
    flags = facts.daemon_flags(host)
    path = facts.config_file(flags)
    row = engine.flavour(found.flavour)
    entries = facts.entries(host)
    return {
        "endpoint": where.host,
        "endpoint from": where.source,
        "engine": row.title,
        "version": found.version_text,
        "ours to provision": not row.advice,
        **({"instead": row.advice} if row.advice else {}),
        "image store in effect": engine.store(found),
        "driver": found.driver,
        "daemon.json": f"{path} ({'there' if host.stat(path) else 'absent'})",
        "daemon flags": " ".join(flags) or None,
        "restarted by": " ".join(manager.restart) if (manager := managers.of(host)) else None,
        "containers": f"{found.containers}, {found.running} running",
        "images": found.images,
        "native platforms": platforms.native(host.machine),
        "registered emulators": [f"{n} ({e.interpreter}, {e.flags})" for n, e in entries.items() if e.enabled],
        "buildx": " ".join(host.ask("docker", "buildx", "version").stdout.split()[1:2]) or None,
        "builders": _builders(host),
        "receipts": _receipts(host),
    }


def _builders(host: Reader) -> list[str] | None:
    try:
        return list(host.names(f"{builder.STORE}/instances"))
    except DeniedError:
        return None


def _receipts(host: Reader) -> list[str] | None:
    try:
        found = (journal.read(host, n) for n in journal.numbers(host))
        return [f"{r.number} of {r.time}: {r.outcome or 'cut off'}" for r in found]
    except DeniedError:
        return None
