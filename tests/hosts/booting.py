"""Boot a host for the duration of a ``with`` block."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.hosts import agent as checkout
from tests.hosts import layers as folders
from tests.hosts import machine, room
from tests.hosts.host import Host
from tests.hosts.recipes import DEFAULT, ENGINES

MOUNTED = "{}/etc/systemd/system/sysinit.target.wants/proc-sys-fs-binfmt_misc.mount"


@contextlib.contextmanager
def boot(
    engine: str = DEFAULT,
    *,
    layers: tuple[str | Path, ...] = (),
    agent: bool = False,
    files: Mapping[str, str | bytes] | None = None,
    docker: bool = True,
    init: str = "",
    binfmt: bool = False,
) -> Iterator[Host]:
    """Boot a host with an engine of recipes.ENGINES and remove it completely at the end.

    ``layers`` are names of layers.LAYERS or folders, topmost first, above the engine's own layers. ``agent`` installs
    this checkout's agent. ``files`` are written before the first boot. ``docker=False`` masks the engine's units.
    ``binfmt`` mounts binfmt_misc at boot. A server mounts it by systemd's automount, which a container does not have.
    ``init`` is a shell script on the host that runs as the first process instead of systemd and starts docker.
    Raises:
        LackError: this machine cannot boot a host.
    """
    machine.check()
    room.remove_abandoned()
    lowers = folders.lowers(engine, layers)
    if agent:
        lowers = (checkout.layer(ENGINES[engine].tree), *lowers)
    with contextlib.closing(Host(f"docker-{engine}", lowers, init)) as host:
        for path, content in (files or {}).items():
            host.put(path, content)
        if not binfmt:
            host.outside("/bin/rm", MOUNTED)
        if not docker:
            host.mask("docker.service", "docker.socket")
        host.boot()
        yield host
