"""What the host is: gathered once, immutable from then on."""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from provisioner import binfmt, elf, engine, platforms, registries
from provisioner.desired import Desired
from provisioner.engine import Endpoint, Engine
from provisioner.errors import DeniedError, NoEngineError
from provisioner.model import Reader
from provisioner.registries import Registries

BINFMT = "/proc/sys/fs/binfmt_misc"
BINFMT_D = "/etc/binfmt.d"
OURS = "zz-provisioner-"  # sorts behind the distribution's files: of two rules for one name, the later one counts
DAEMON_JSON = "/etc/docker/daemon.json"
OWNED = "/var/lib/provisioner/owned.json"
PRIOR = ("overlay2", "fuse-overlayfs", "btrfs", "zfs")  # moby's daemon/graphdriver; vfs does not count there


class Facts(NamedTuple):
    """One host and the engine that counts on it.

    ``owned``: the leaves of daemon.json that an apply has set, and what stood there before. ``ours``: the architectures
    with a file of ours in binfmt.d. ``quick``: no probe is run. ``hidden`` is set by the plan when an earlier change of
    it switches the image store: what the engine holds now will be out of sight then; ``planned``, too: daemon.json as
    the changes before will leave it (None: as it is).
    """

    endpoint: Endpoint
    engine: Engine
    socket: str
    flags: tuple[str, ...]
    daemon_json: str
    prior: bool
    native: tuple[str, ...]
    entries: dict[str, binfmt.Entry]
    mounted: bool
    daemon: int | None = None
    owned: tuple[tuple[tuple[str, ...], Any], ...] = ()
    ours: frozenset[str] = frozenset()
    quick: bool = False
    hidden: bool = False
    planned: str | None = None
    registries: Registries = Registries()


def gather(host: Reader, wanted: Desired, *, quick: bool = False) -> Facts:
    """Look at the host. NoEngineError: nobody answers, or it is not ours to provision; emulators alone need none."""
    where = engine.endpoint(host)
    found = _engine(host, where, needed=set(wanted.only) != {"emulators"})
    flags = daemon_flags(host)
    path = config_file(flags)
    registered = entries(host)
    return Facts(
        endpoint=where,
        engine=found,
        socket="" if found == engine.NONE else where.socket or engine.SOCKET,
        daemon=daemon(host),
        flags=flags,
        daemon_json=path,
        prior=prior(host, found),
        native=native(host, registered, wanted.platforms),
        entries=registered,
        mounted=host.stat(f"{BINFMT}/status") is not None,
        owned=owned(host, config_file(flags)),
        ours=ours(host),
        quick=quick,
        registries=registries.gather(host, found.mirrors, found.insecure, path),
    )


def _engine(host: Reader, where: Endpoint, *, needed: bool) -> Engine:
    """The engine that is ours to provision; NONE where there is none and none is needed."""
    try:
        found = engine.ask(host, where)
        row = engine.flavour(found.flavour)
        if row.advice:
            raise NoEngineError(f"{where.host}: this is {row.title}, which is not ours to provision", hint=row.advice)
        if where.socket not in engine.SOCKETS:  # docker.service is not its unit, /etc/docker/daemon.json not its file
            hint = f"leave {where.source} away to provision the engine at {engine.SOCKET}"
            raise NoEngineError(f"{where.host} ({where.source}) is not this host's docker.service", hint=hint)
    except (NoEngineError, DeniedError):
        if needed:
            raise
        return engine.NONE
    return found


def native(host: Reader, registered: dict[str, binfmt.Entry], asked: Collection[str]) -> tuple[str, ...]:
    """The platforms that the CPU runs by itself. Whether that includes the 32-bit family is tried where it matters."""
    cpu = host.head("/proc/cpuinfo", 8192) or b""  # the first CPU: all of them, on a large host, take a while
    family = platforms.family(host.machine)
    runs: bool | None = None
    if family and any(platforms.of(p).architecture == family for p in asked):
        program = elf.program(family)
        if not any(e.enabled and binfmt.serves(e.magic, e.mask, e.offset, program) for e in registered.values()):
            runs = host.runs([program])[0].status == 0
    return platforms.native(host.machine, platforms.cpu_flags(cpu.decode("ascii", "replace")), compat=runs)


def ours(host: Reader) -> frozenset[str]:
    """The architectures whose emulators a file of ours registers at boot."""
    names = (n.removesuffix(".conf") for n in host.names(BINFMT_D) if n.startswith(OURS) and n.endswith(".conf"))
    return frozenset(n.removeprefix(OURS) for n in names)


def owned(host: Reader, path: str) -> tuple[tuple[tuple[str, ...], Any], ...]:
    """The leaves of a daemon.json that are ours, each with the value that stood there before (None: nothing)."""
    try:
        found = json.loads(host.read(OWNED) or "{}").get(path, ())
    except (DeniedError, ValueError):
        return ()  # unknown, or no longer whole: then nothing is given back
    return tuple((tuple(keys), before) for keys, before in found)


def config_file(flags: tuple[str, ...]) -> str:
    """Where the running daemon read its configuration: the --config-file of its own command line, else the default."""
    for index, flag in enumerate(flags):
        name, _, value = flag.partition("=")
        if name in ("--config-file", "-config-file"):
            return value or (flags[index + 1] if index + 1 < len(flags) else DAEMON_JSON)
    return DAEMON_JSON


def prior(host: Reader, found: Engine) -> bool:
    """Whether an engine from 29 on would fall back to a graph driver that this host once used, were no key set."""
    try:
        return any(host.names(f"{found.root}/{driver}") for driver in PRIOR)
    except DeniedError:
        return False  # unknown; the key's presence is then not judged


def daemon(host: Reader) -> int | None:
    """The running daemon's process; None: it cannot be found."""
    try:
        pid = (host.read("/var/run/docker.pid") or "").strip()
    except DeniedError:
        return None
    return int(pid) if pid.isdigit() else None


def daemon_flags(host: Reader) -> tuple[str, ...]:
    """The flags that the running daemon was started with; none where it cannot be found."""
    pid = daemon(host)
    words = (host.read(f"/proc/{pid}/cmdline") or "").rstrip("\0").split("\0") if pid else [""]
    return tuple(words[1:]) if words[0].endswith("dockerd") else ()


def entries(host: Reader) -> dict[str, binfmt.Entry]:
    """The entries of the kernel's binfmt_misc table by name, in the order of their names."""
    found = {}
    for name in host.names(BINFMT):
        if name not in ("register", "status"):
            text = host.read(f"{BINFMT}/{name}")
            if text is not None:  # else it went away meanwhile
                found[name] = binfmt.parse_entry(text)
    return found
