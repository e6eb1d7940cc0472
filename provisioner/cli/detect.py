"""Describe this host as data. It covers more than a check and may run programs. Docker does not have to run."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from provisioner.builder import leftovers, store, version
from provisioner.checks import failure, platforms
from provisioner.checks.failure import Failure
from provisioner.cli import past
from provisioner.config.desired import Desired
from provisioner.daemon import managers
from provisioner.emulators import faults, keys, labels, observed, obstacles
from provisioner.emulators.keys import Key
from provisioner.emulators.wanted import rows
from provisioner.engine import api, discovery, endpoints, facts, kinds, ownership, places, running, stores, sudo, target
from provisioner.engine.discovery import Daemon
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.info import Engine
from provisioner.engine.kinds import Layout
from provisioner.errors import DeniedError, NoEngineError, ProvisionerError
from provisioner.host import System
from provisioner.model import Value
from provisioner.platforms import binfmt, machine, pages, table
from provisioner.runs import journal

DEFAULTS = Desired()
RELEASE = "/etc/os-release"
# The programs whose versions matter, and the commands that print them.
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "docker": ("docker", "version", "--format", "{{.Client.Version}}"),
    "dockerd": ("dockerd", "--version"),
    "containerd": ("containerd", "--version"),
    "buildx": ("docker", "buildx", "version"),
    "systemd": ("systemctl", "--version"),
}
MANAGERS = ("apt-get", "dnf", "zypper", "apk", "pacman", "xbps-install", "brew")


def detect(host: System, wanted: Desired = DEFAULTS) -> tuple[dict[str, Any], Failure | None]:
    """Return everything known about the host, and why its engine does not answer, or None if it does."""
    where = endpoints.endpoint(host, wanted.engine)
    known = discovery.every(host, where)
    try:
        engine, silent = ownership.asked(host, where), None
    except (NoEngineError, DeniedError) as e:
        engine, silent = None, failure.of(e, host)
    found: dict[str, Any] = {
        "cpu": _cpu(host),
        "os": _os(host),
        "endpoint": {"address": where.host, "source": where.source},
        "before_sudo": sudo.lost(host, where.host, where.source) or None,
        "engine": _engine(host, where, engine, known[0]) if engine else None,
        "engines": [{**_daemon(host, d), "counts": d is known[0]} for d in known],
        "emulators": _emulators(host, wanted, engine),
        "registered": _registered(host),
        "programs": {name: _version(host, argv) for name, argv in PROGRAMS.items()},
        "package_manager": next((m for m in MANAGERS if host.program(m)), None),
        "builders": _builders(host),
        "buildkit": _buildkit(host, wanted) if engine else {},
        "left_over": _left_over(host, where.socket, api.prefix(engine)) if engine and where.socket else [],
        "history": past.entries(host),
    }
    return {**found, "next": list(_next(found, silent, known))}, silent


def _cpu(host: System) -> dict[str, Any]:
    """Return the CPU, the platforms that it runs natively, the size of the kernel's pages, and what that breaks."""
    native = _native(host)
    page, note = pages.size(host) or None, pages.note(host, native) or None
    return {"machine": host.machine, "native": list(native), "page_size": page, "note": note}


def _native(host: System) -> tuple[str, ...]:
    """Return the platforms that the CPU runs without an emulator."""
    known = machine.look(host).entries if _linux(host) else {}
    return machine.native(host, known, table.each_architecture() if _linux(host) else ())


def _linux(host: System) -> bool:
    return host.platform == "linux"


def _os(host: System) -> dict[str, Any]:
    """Return the operating system and its kernel."""
    lines = (host.read(RELEASE) or "").splitlines()
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    kernel = (host.read(ownership.KERNEL) or "").strip() or None
    return {"name": fields.get("PRETTY_NAME", host.platform).strip('"'), "kernel": kernel, "user": host.user}


def _engine(host: System, where: Endpoint, found: Engine, daemon: Daemon) -> dict[str, Any]:
    """Describe the selected engine, its files, and the service manager that restarts it."""
    row = kinds.of(found.kind)
    mine = host.personal() if host.uid != 0 and row.owner != "root" else host
    layout = places.resolved(mine, row.layout or Layout(managers=()))
    flags = running.daemon_flags(mine, layout)
    path = running.config_file(flags, layout) if row.layout else None
    manager = managers.of(mine, layout)
    return {
        "kind": row.name,
        "title": row.title,
        "version": found.version_text,
        "ours": discovery.whose(mine, daemon) == discovery.OURS,
        "instead": f"{row.advice}: {row.command}" if row.advice else None,
        "image_store": stores.store(found),
        "storage_driver": found.driver,
        "configuration": {"path": path, "exists": bool(mine.stat(path))} if path else None,
        "flags": list(flags),
        "restarted_by": list(manager.restart) if manager else None,
        "containers": {"total": found.containers, "running": found.running},
        "images": found.images,
        "root": found.root,
        "address": where.host,
    }


def _daemon(host: System, daemon: Daemon) -> dict[str, Any]:
    """Describe one of this host's engines."""
    engine = daemon.engine
    return {
        "address": daemon.where.host,
        "title": daemon.kind.title if engine else None,
        "version": engine.version_text if engine else None,
        "ours": engine is not None and discovery.whose(host, daemon) == discovery.OURS,
        "note": discovery.whose(host, daemon),
    }


def _emulators(host: System, wanted: Desired, engine: Engine | None) -> dict[str, Any]:
    """Describe how each architecture runs: on the CPU, or with an emulator, its source and its owner."""
    asked = wanted._replace(platforms=table.each_architecture(), only=(keys.NAME,))
    inside = engine is not None and kinds.of(engine.kind).emulators == "inside"
    if inside or not _linux(host):
        return {"binfmt_misc": None, "namespaced": False, "platforms": []}
    seen = facts.gather(host, asked)
    want: dict[Key, Value] = {Key(row.name, keys.RUNS): "runs" for row in rows(asked, seen)}
    have = observed.state(host, seen, want)
    told = tuple(faults.asked(host, labels.labels(seen, asked)))
    found = platforms.rows(told)
    for row, label in zip(found, told, strict=True):
        key = Key(label.platform, keys.RUNS)
        row["state"] = have[key] if key in want else "runs"
        row["sentence"] = label.sentence
        if label.emulator:
            architecture = table.of(label.platform).architecture
            row["emulator"]["faults"] = [f.words for f in faults.faults(label.emulator, architecture)]
    return {
        "binfmt_misc": have[keys.TABLE],
        "namespaced": bool(obstacles.namespaced(host)),
        "platforms": found,
    }


def _registered(host: System) -> list[dict[str, Any]]:
    """Return the kernel's table of emulators."""
    found: Iterable[tuple[str, binfmt.Entry]] = machine.look(host).entries.items()
    return [{"name": name, "interpreter": e.interpreter, "flags": e.flags, "enabled": e.enabled} for name, e in found]


def _version(host: System, argv: tuple[str, ...]) -> str | None:
    """Return the version that a program prints, or None if the program is missing or prints none."""
    if host.program(argv[0]) is None:
        return None
    words = host.ask(*argv).stdout.replace(",", " ").split()
    return next((w for w in words if w.lstrip("v")[:1].isdigit()), None)


def _builders(host: System) -> list[str] | None:
    account = host.account(host.user)
    try:
        return list(host.names(f"{store.of(host, account).folder}/instances")) if account else []
    except DeniedError:
        return None


def _buildkit(host: System, wanted: Desired) -> dict[str, str]:
    """Return BuildKit's version on each node of the configured builder that answers."""
    try:
        seen = facts.gather(host, wanted, quick=True, far=False)
    except ProvisionerError:
        return {}
    at, asked = target.with_engine(host, wanted, seen)
    return version.said(at, seen, asked.builder)


def _left_over(host: System, socket: str, version: str) -> list[dict[str, Any]]:
    """Return what old builders left on the host, compared with the configuration of the last apply."""
    try:
        last, undoes = journal.last(host), journal.undoes(host)
        things = leftovers.found(host, socket, undoes, last.desired.builder.name if last else "", version)
    except ProvisionerError:
        return []
    return [{"name": x.name, "why": x.why, "ours": x.ours, "bytes": x.size} for x in things]


def _next(found: Mapping[str, Any], silent: Failure | None, known: Iterable[Daemon]) -> Iterable[str]:
    """Suggest what to do next, most useful first."""
    if silent:
        yield silent.hint
        for other in (d for d in known if d.engine):
            yield f"another engine answers: provisioner detect --host {shlex.quote(other.where.host)}"
    elif found["engine"] and not found["engine"]["ours"]:
        yield found["engine"]["instead"] or "this engine is not provisioned by provisioner"
    else:
        yield "see what would be changed: provisioner plan"
    for row in found["emulators"]["platforms"]:
        for fault in (row["emulator"] or {}).get("faults", ()):
            version = row["emulator"]["version"]
            yield f"QEMU {version} for {row['platform']} {fault}: {faults.cure()}, then `provisioner apply`"
