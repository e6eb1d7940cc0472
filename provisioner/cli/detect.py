"""What this host is, told to a person: more than a check has to know, so it may start programs."""

from typing import Any

from provisioner.builder import leftovers, store
from provisioner.config.desired import Desired
from provisioner.daemon import managers
from provisioner.emulators import keys, observed, obstacles
from provisioner.emulators.keys import Key
from provisioner.emulators.wanted import rows
from provisioner.engine import addresses, discovery, endpoints, facts, kinds, ownership, places, running, stores, sudo
from provisioner.engine.discovery import Daemon
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.info import Engine
from provisioner.engine.kinds import Layout
from provisioner.errors import DeniedError, NoEngineError, ProvisionerError
from provisioner.model import Reader
from provisioner.platforms import machine, table
from provisioner.runs import journal, receipts


def detect(host: Reader, pinned: str = endpoints.AUTO) -> dict[str, Any]:
    """Facts by name, in the order in which one would ask. NoEngineError: nobody answers."""
    where = endpoints.endpoint(host, pinned)
    found = _asked(host, where)
    row = kinds.of(found.kind)
    if host.uid != 0 and row.owner != "root":
        host = host.personal()
    layout = places.resolved(host, row.layout or Layout(managers=()))
    flags = running.daemon_flags(host, layout)
    path = running.config_file(flags, layout)
    manager = managers.of(host, layout)
    known = discovery.every(host, where)
    entries = machine.entries(host)
    return {
        "endpoint": where.host,
        "endpoint from": where.source,
        **({"before sudo": lost} if (lost := sudo.lost(host, where.host, where.source)) else {}),
        "engine": row.title,
        "version": found.version_text,
        "ours to provision": discovery.whose(host, known[0]) == "ours to provision",
        **({"instead": f"{row.advice}: {row.command}"} if row.advice else {}),
        "engines": [f"{'* ' if d is known[0] else ''}{_daemon(host, d)}" for d in known],
        "image store in effect": stores.store(found),
        "driver": found.driver,
        **({"configuration": f"{path} ({'there' if host.stat(path) else 'absent'})"} if row.layout else {}),
        "daemon flags": " ".join(flags) or None,
        "restarted by": " ".join(manager.restart) if manager else None,
        "containers": f"{found.containers}, {found.running} running",
        "images": found.images,
        "native platforms": table.native(host.machine),
        "emulators": [f"{row.title}'s own"] if row.emulators == "inside" else _emulators(host, where.host),
        "registered": [f"{n} ({e.interpreter}, {e.flags})" for n, e in entries.items() if e.enabled],
        "buildx": " ".join(host.ask("docker", "buildx", "version").stdout.split()[1:2]) or None,
        "builders": _builders(host),
        "left over": _left_over(host, where.socket or addresses.SOCKET),
        "receipts": _receipts(host),
    }


def _asked(host: Reader, where: Endpoint) -> Engine:
    """The engine that counts. NoEngineError, DeniedError: it does not answer; the hint names those that do."""
    try:
        return ownership.asked(host, where)
    except (NoEngineError, DeniedError) as e:
        answering = [_daemon(host, d) for d in discovery.every(host, where) if d.engine]
        if answering:
            e.hint = f"{e.hint}; what does answer: {'; '.join(answering)} (see --host)"
        raise


def _daemon(host: Reader, daemon: Daemon) -> str:
    """A daemon in a line."""
    if daemon.engine is None:
        return daemon.problem
    title = f"{daemon.kind.title} {daemon.engine.version_text}"
    return f"{daemon.where.host}: {title}, {discovery.whose(host, daemon)}"


def _emulators(host: Reader, engine: str) -> list[str]:
    """The truth about each architecture: native, or what its emulator does, where it comes from and whose it is."""
    asked = Desired(platforms=table.each_architecture(), engine=engine, only=(keys.NAME,))
    seen = facts.gather(host, asked)
    want = {Key(row.name, keys.RUNS): "runs" for row in rows(asked, seen)}
    found = observed.state(host, seen, want)
    place = f"{found[keys.TABLE]}{', of a user namespace' if obstacles.namespaced(host) else ''}"
    lines = [f"{keys.words(keys.TABLE)}: {place}"]
    for name in asked.platforms:
        origin = found.get(Key(name, keys.FROM))
        whose = "ours" if table.of(name).architecture in seen.ours else "somebody else's"
        by = f" ({origin}, {whose})" if origin else ""
        lines.append(
            f"{name}: {found[Key(name, keys.RUNS)]}{by}" if Key(name, keys.RUNS) in want else f"{name}: native"
        )
    return lines


def _builders(host: Reader) -> list[str] | None:
    account = host.account(host.user)
    try:
        return list(host.names(f"{store.of(host, account).folder}/instances")) if account else []
    except DeniedError:
        return None


def _left_over(host: Reader, socket: str) -> list[str]:
    """What builders have left over, seen from what the last apply configured."""
    try:
        last, undoes = journal.last(host), journal.undoes(host)
    except ProvisionerError:
        last, undoes = None, ()
    configured = last.desired.builder.name if last else ""
    return [str(thing) for thing in leftovers.found(host, socket, undoes, configured)]


def _receipts(host: Reader) -> list[str] | None:
    try:
        return [_receipt(host, number) for number in receipts.numbers(host)]
    except DeniedError:
        return None


def _receipt(host: Reader, number: int) -> str:
    """A receipt in a line; one that this provisioner cannot read hides neither the others nor the host."""
    try:
        found = journal.read(host, number)
    except ProvisionerError as e:
        return f"{number}: {e.message}"
    return f"{number} of {found.time}: {found.outcome or 'cut off'}"
