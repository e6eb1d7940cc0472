"""What the host is: gathered once, immutable from then on."""

from collections.abc import Mapping
from types import MappingProxyType

from provisioner.config.desired import Desired
from provisioner.engine import addresses, endpoints, info, kinds, memory, ownership, places, registries, running, stores
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.info import Engine
from provisioner.engine.kinds import Kind, Layout
from provisioner.engine.registries import Registries
from provisioner.model import Reader
from provisioner.platforms import binfmt, machine, table
from provisioner.typed import Any, NamedTuple


class Facts(NamedTuple):
    """One host and the engine that counts on it.

    ``owned``: the leaves of daemon.json that an apply has set, and what stood there before. ``ours``: the architectures
    with a rule file of ours, each with its interpreter. ``table_unseen``: why the kernel's table cannot be seen.
    ``quick``: no probe is run; ``far``: other machines are asked, too. ``hidden`` is set by the plan when an earlier
    change of it switches the image store: what the engine holds now will be out of sight then; ``planned``, too:
    daemon.json as the changes before will leave it (None: as it is).
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
    table_unseen: str = ""
    quick: bool = False
    far: bool = False
    hidden: bool = False
    planned: str | None = None
    registries: Registries = Registries()
    layout: Layout = Layout()
    unseen: str = ""  # why the daemon's command line cannot be seen, and with it the file that it reads

    @property
    def kind(self) -> Kind:
        """What kind of engine it is, and what that means."""
        return kinds.of(self.engine.kind)

    @property
    def inside(self) -> bool:
        """Whether the engine runs in a machine of its own, whose processes, files and emulators are not this host's."""
        return self.kind.emulators == "inside"

    @property
    def within(self) -> str:
        """What that machine of its own is called; empty: there is none."""
        return self.kind.title if self.inside else ""

    @property
    def leaf(self) -> tuple[str, ...]:
        """The key that turns containerd's store on, in ``daemon_json``."""
        return next((leaf for path, leaf in self.layout.files if path == self.daemon_json), self.layout.files[0][1])


def gather(host: Reader, wanted: Desired, *, quick: bool = False, far: bool = True) -> Facts:
    """Look at the host. NoEngineError: nobody answers, or it is not ours to provision; emulators alone need none."""
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
    return Facts(
        endpoint=where,
        engine=found,
        socket="" if found == info.NONE else where.socket or addresses.SOCKET,
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
        quick=quick,
        far=far,
        registries=registries.gather(host, found, path, process),
        layout=layout,
        unseen=unseen,
    )
