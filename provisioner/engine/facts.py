"""What we know about the host. It is collected once and never changes afterwards."""

from collections.abc import Mapping
from types import MappingProxyType

from provisioner.config.desired import Desired
from provisioner.engine import (
    addresses,
    endpoints,
    info,
    kinds,
    memory,
    ownership,
    places,
    registries,
    running,
    stores,
)
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.info import Engine
from provisioner.engine.kinds import Kind, Layout
from provisioner.engine.registries import Registries
from provisioner.model import Reader
from provisioner.platforms import binfmt, machine, table
from provisioner.typed import Any, NamedTuple


class Facts(NamedTuple):
    """One host and the engine that we use on it.

    ``owned``: the keys of daemon.json that an apply has set, each with the value before.
    ``ours``: the architectures that have a rule file of ours, each with its interpreter.
    ``versions``: the versions of QEMU that we have copied.
    ``made``: the builders that applies have made on this engine, each with its users, as far as we remember.
    ``caches``: the bytes of each cache of ours that no container uses, if they are to be deleted.
    ``table_unseen``: why the kernel's table of emulators cannot be read.
    ``quick``: no test program runs. ``far``: other machines are asked too.
    ``hidden``: set by the plan if an earlier change switches the image store, which will hide the engine's present
    images.
    ``planned``: set by the plan to daemon.json as the earlier changes will leave it. None means that it stays as it is.
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
    ours: Mapping[str, str] = MappingProxyType({})
    versions: tuple[str, ...] = ()
    made: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    caches: Mapping[str, int] = MappingProxyType({})
    table_unseen: str = ""
    quick: bool = False
    far: bool = False
    hidden: bool = False
    planned: str | None = None
    registries: Registries = Registries()
    layout: Layout = Layout()
    unseen: str = ""  # why the daemon's command line, and so the path of its configuration file, cannot be read

    @property
    def kind(self) -> Kind:
        """The row that describes this kind of engine."""
        return kinds.of(self.engine.kind)

    @property
    def inside(self) -> bool:
        """Whether the engine runs in its own virtual machine, which has its own processes, files and emulators."""
        return self.kind.emulators == "inside"

    @property
    def within(self) -> str:
        """The name of the product that runs the engine's virtual machine, or an empty string if there is none."""
        return self.kind.title if self.inside else ""

    @property
    def leaf(self) -> tuple[str, ...]:
        """The key in ``daemon_json`` that turns on containerd's image store."""
        return next((leaf for path, leaf in self.layout.files if path == self.daemon_json), self.layout.files[0][1])


def gather(host: Reader, wanted: Desired, *, quick: bool = False, far: bool = True) -> Facts:
    """Look at the host and its engine.

    Raises: NoEngineError, DeniedError if no engine answers or it is not ours to provision. Emulators alone need no
    engine.
    """
    where = endpoints.endpoint(host, wanted.engine)
    found = ownership.provisionable(host, where, needed=set(wanted.only) != {"emulators"})
    row = kinds.of(found.kind)
    if host.uid != 0 and row.owner != "root":
        host = host.personal()
    layout = places.resolved(host, row.layout or Layout(managers=()))
    process = running.daemon(host, layout) if found != info.NONE else None
    flags, unseen = running.flags_of(host, layout, process)
    path = running.config_file(flags, layout)
    kernel = machine.look(host)
    made = memory.builders(host, where.address)
    socket = "" if found == info.NONE else where.socket or addresses.SOCKET
    return Facts(
        endpoint=where,
        engine=found,
        socket=socket,
        daemon=process,
        flags=flags,
        daemon_json=path,
        prior=stores.prior(host, found),
        native=machine.native(host, kernel.entries, wanted.platforms)
        if row.emulators != "inside"
        else table.native(found.architecture),
        entries=kernel.entries,
        mounted=kernel.mounted,
        table_unseen=kernel.unseen,
        owned=memory.owned(host, path),
        ours=machine.ours(host),
        versions=machine.versions(host),
        made=made,
        caches=_caches(host, socket, found, made) if wanted.delete_caches and socket else {},
        quick=quick,
        far=far,
        registries=registries.gather(host, found, path, process, flags=flags, certs=places.certs(host, found)),
        layout=layout,
        unseen=unseen,
    )


def _caches(host: Reader, socket: str, found: Engine, made: memory.Builders) -> Mapping[str, int]:
    """Return the bytes of each cache of ours that no container uses."""
    from provisioner.engine import api, traces  # only if somebody asked to delete them

    return traces.caches(host, socket, api.prefix(found), made)
