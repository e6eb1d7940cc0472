"""What the host is: gathered once, immutable from then on."""

import json

from provisioner.config.desired import Desired
from provisioner.engine import endpoints, info, kinds, registries
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.info import Engine
from provisioner.engine.kinds import Flavour, Site
from provisioner.engine.registries import Registries
from provisioner.errors import DeniedError, NoEngineError
from provisioner.host import System
from provisioner.model import Reader
from provisioner.platforms import binfmt, machine, table
from provisioner.typed import Any, NamedTuple

LOCAL = (f"unix://{endpoints.SOCKET}", "unix:///run/docker.sock")  # what docker takes by itself
KERNEL = "/proc/sys/kernel/osrelease"
CONTAINED = ("/.dockerenv", "/run/.containerenv")
PRIOR = ("overlay2", "fuse-overlayfs", "btrfs", "zfs")  # moby's daemon/graphdriver; vfs does not count there


class Facts(NamedTuple):
    """One host and the engine that counts on it.

    ``owned``: the leaves of daemon.json that an apply has set, and what stood there before. ``ours``: the architectures
    with a file of ours in binfmt.d. ``quick``: no probe is run; ``far``: other machines are asked, too. ``hidden`` is
    set by the plan when an earlier change of it switches the image store: what the engine holds now will be out of
    sight then; ``planned``, too: daemon.json as the changes before will leave it (None: as it is).
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
    far: bool = False
    hidden: bool = False
    planned: str | None = None
    registries: Registries = Registries()
    site: Site = Site()

    @property
    def flavour(self) -> Flavour:
        """What kind of engine it is, and what that means."""
        return kinds.of(self.engine.flavour)

    @property
    def inside(self) -> bool:
        """Whether the engine runs in a machine of its own, whose processes, files and emulators are not this host's."""
        return self.flavour.emulators == "inside"

    @property
    def within(self) -> str:
        """What that machine of its own is called; empty: there is none."""
        return self.flavour.title if self.inside else ""

    @property
    def leaf(self) -> tuple[str, ...]:
        """The key that turns containerd's store on, in ``daemon_json``."""
        return next((leaf for path, leaf in self.site.files if path == self.daemon_json), self.site.files[0][1])


def gather(host: Reader, wanted: Desired, *, quick: bool = False, far: bool = True) -> Facts:
    """Look at the host. NoEngineError: nobody answers, or it is not ours to provision; emulators alone need none."""
    where = endpoints.endpoint(host, wanted.engine)
    found = _engine(host, where, needed=set(wanted.only) != {"emulators"})
    row = kinds.of(found.flavour)
    if host.uid != 0 and row.owner != "root":
        host = host.personal()
    site = placed(host, row.site or Site(managers=()))
    flags = daemon_flags(host, site)
    path = config_file(flags, site)
    registered = machine.entries(host)
    return Facts(
        endpoint=where,
        engine=found,
        socket="" if found == info.NONE else where.socket or endpoints.SOCKET,
        daemon=daemon(host, site),
        flags=flags,
        daemon_json=path,
        prior=prior(host, found),
        native=machine.native(host, registered, wanted.platforms)
        if row.emulators != "inside"
        else table.native(found.architecture),
        entries=registered,
        mounted=host.stat(f"{machine.BINFMT}/status") is not None,
        owned=owned(host, path),
        ours=machine.ours(host),
        quick=quick,
        far=far,
        registries=registries.gather(host, found.mirrors, found.insecure, path),
        site=site,
    )


def bound(host: System, wanted: Desired, seen: Facts) -> tuple[System, Desired]:
    """A host and a configuration as this engine needs them: its address, and whose state and builders they are."""
    if seen.engine == info.NONE:
        return host, wanted
    wanted = wanted._replace(engine=seen.endpoint.host)
    host = addressed(host, wanted)
    if host.uid != 0 and seen.flavour.owner != "root":
        host = host.personal()
        wanted = wanted._replace(builder=wanted.builder._replace(users=(host.user,)))
    return host, wanted


def addressed(host: System, wanted: Desired) -> System:
    """The host whose docker talks to the engine that a configuration names by its address."""
    return host.at(wanted.engine) if "://" in wanted.engine and wanted.engine not in LOCAL else host


def _engine(host: Reader, where: Endpoint, *, needed: bool) -> Engine:
    """The engine that is ours to provision; NONE where there is none and none is needed."""
    try:
        found = asked(host, where)
        row = kinds.of(found.flavour)
        if not row.builder:
            raise NoEngineError(f"{where.host}: this is {row.title}, which is not ours to provision", hint=row.advice)
        if row.owner == "user" and host.uid == 0:  # root would leave files there that the user cannot write
            reason = f"{where.host}: {row.title} belongs to a user, and root does not provision it"
            raise DeniedError(reason, hint="run provisioner as that user, without sudo")
        if stranger(host, row, where):
            whose = "this host's" if row.owner == "root" else "this user's"
            hint = f"leave {where.source} away to provision the engine at {filled(host, row.sockets[0])}"
            raise NoEngineError(f"{where.host} ({where.source}) is not {whose} docker.service", hint=hint)
    except (NoEngineError, DeniedError):
        if needed:
            raise
        return info.NONE
    return found


def asked(host: Reader, where: Endpoint) -> Engine:
    """The engine that answers, and what kind it is on this host. NoEngineError, DeniedError."""
    found = info.ask(host, where)
    row = kinds.of(found.flavour)
    if row.site is not None and _elsewhere(host, row, found):
        return found._replace(flavour=kinds.ELSEWHERE.name)
    return found


def stranger(host: Reader, row: Flavour, where: Endpoint) -> bool:
    """Whether an engine is another one of its kind than the one whose unit and file are known."""
    return row.only and where.socket not in [filled(host, s) for s in row.sockets]


def _elsewhere(host: Reader, row: Flavour, found: Engine) -> bool:
    """Whether an engine that looks like one of this host's runs on another kernel, or among other files than ours.

    Only root can tell that a folder is not there.
    """
    if row.name == "container" and not any(host.stat(sign) for sign in CONTAINED):
        return True
    kernel = (host.read(KERNEL) or "").strip() if row.site and row.site.pid else ""
    return bool(kernel and found.kernel not in ("", kernel)) or (
        bool(kernel) and host.uid == 0 and host.stat(found.root) is None
    )


def filled(host: Reader, path: str) -> str:
    """A path of the table with the user's own folders in it."""
    if "{" not in path:
        return path
    return path.format(
        home=host.home,
        config=host.environ.get("XDG_CONFIG_HOME") or f"{host.home}/.config",
        runtime=host.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{host.uid}",
        appdata=(host.environ.get("APPDATA") or f"{host.home}/AppData/Roaming").replace("\\", "/"),
    )


def placed(host: Reader, site: Site) -> Site:
    """Where things lie for the user that we are; of several files the one that is there."""
    if len(site.files) == 1 and "{" not in site.files[0][0]:
        return site
    files = tuple((filled(host, path), leaf) for path, leaf in site.files)
    there = [f for f in files if host.stat(f[0])]
    return site._replace(files=(*there, *(f for f in files if f not in there)), pid=filled(host, site.pid))


def memory(host: Reader) -> str:
    """The file that says which leaves are ours."""
    return f"{host.state}/owned.json"


def owned(host: Reader, path: str) -> tuple[tuple[tuple[str, ...], Any], ...]:
    """The leaves of a daemon.json that are ours, each with the value that stood there before (None: nothing)."""
    try:
        found = json.loads(host.read(memory(host)) or "{}").get(path, ())
    except (DeniedError, ValueError):
        return ()  # unknown, or no longer whole: then nothing is given back
    return tuple((tuple(keys), before) for keys, before in found)


def config_file(flags: tuple[str, ...], site: Site) -> str:
    """Where the running daemon read its configuration: the --config-file of its own command line, else its site's."""
    for index, flag in enumerate(flags):
        name, _, value = flag.partition("=")
        if name in ("--config-file", "-config-file"):
            return value or (flags[index + 1] if index + 1 < len(flags) else site.files[0][0])
    return site.files[0][0]


def prior(host: Reader, found: Engine) -> bool:
    """Whether an engine from 29 on would fall back to a graph driver that this host once used, were no key set."""
    try:
        return any(host.names(f"{found.root}/{driver}") for driver in PRIOR)
    except DeniedError:
        return False  # unknown; the key's presence is then not judged


def daemon(host: Reader, site: Site) -> int | None:
    """The running daemon's process; None: it cannot be found."""
    try:
        pid = (host.read(site.pid) or "").strip() if site.pid else ""
    except DeniedError:
        return None
    return int(pid) if pid.isdigit() else None


def daemon_flags(host: Reader, site: Site) -> tuple[str, ...]:
    """The flags that the running daemon was started with; none where it cannot be found."""
    pid = daemon(host, site)
    words = (host.read(f"/proc/{pid}/cmdline") or "").rstrip("\0").split("\0") if pid else [""]
    return tuple(words[1:]) if words[0].endswith("dockerd") else ()
