"""What the engine of an image will be when the image runs, found out from its files."""

import re

from provisioner.engine import addresses, endpoints, info, memory, registries, running, stores, unit
from provisioner.engine.facts import Facts
from provisioner.engine.kinds import Layout
from provisioner.errors import NoEngineError, ProvisionerError
from provisioner.image.version import version
from provisioner.image_store.wanted import FEATURE, FIRST
from provisioner.model import Reader
from provisioner.platforms import elf, machine, table
from provisioner.text import command_line, json_read

HERE = endpoints.Endpoint("default", addresses.DEFAULT, "--root")
UNITS = (
    "/usr/lib/systemd/system/docker.service",
    "/lib/systemd/system/docker.service",
    "/etc/systemd/system/docker.service",
)
DROP_INS = "/etc/systemd/system/docker.service.d"
DEFAULTS = "/etc/default/docker"
DATA = "/var/lib/docker"


def gather(host: Reader, root: str) -> Facts:
    """What the image will be when it runs. NoEngineError: there is no engine in it."""
    text = version(host)
    if text is None:
        hint = "install docker.io or docker-ce in it"
        raise NoEngineError(f"{root}: there is no Docker engine in this image", hint=hint)
    flags = _flags(host)
    path = running.config_file(flags, Layout())
    found, by_file = _engine(host, text, flags, path)
    prior, owned = by_file or stores.prior(host, found), memory.owned(host, path)
    return bare(host)._replace(engine=found, flags=flags, daemon_json=path, prior=prior, owned=owned)


def _engine(host: Reader, text: str, flags: tuple[str, ...], path: str) -> tuple[info.Engine, bool]:
    """What the engine will say of itself, by its own rule; and whether it will not take containerd's store by itself.

    An engine from 24 on is said to have the store in effect unless something stands against it: then whoever plans to
    set the key sees what that is.
    """
    number = info.version(text)
    try:
        file = json_read.load(host.read(path) or "", path, version=number)
    except ProvisionerError:  # the engine will not start; who plans an edit says why
        file = None
    said = file or {}
    driver = command_line.value(flags, "--storage-driver", "-s") or said.get("storage-driver")
    remapped = command_line.value(flags, "--userns-remap") or said.get("userns-remap")
    root = command_line.value(flags, "--data-root", "--graph", "-g") or said.get("data-root") or DATA
    new = number is None or number >= FIRST
    against = driver if driver in stores.GRAPH_DRIVERS else "overlay2" if remapped or not new else None
    answer = {
        "ServerVersion": text,
        "Driver": against or "overlayfs",
        "DriverStatus": [info.PAIR] if new else [],
        "DockerRootDir": root if isinstance(root, str) else DATA,
    }
    found = info.engine(answer, HERE)._replace(shown={})
    switched_off = json_read.leaf(said, ("features", FEATURE)) is False
    return found, file is None or switched_off or stores.store(found) != "containerd"


def bare(host: Reader) -> Facts:
    """What the image will be when it runs, but for its engine."""
    return Facts(
        endpoint=HERE,
        engine=info.NONE,
        socket=addresses.SOCKET,
        flags=(),
        daemon_json=Layout().files[0][0],
        prior=False,
        native=table.native(_machine(host)),
        entries={},
        mounted=False,
        ours=machine.ours(host),
        registries=registries.Registries(),
    )


def _machine(host: Reader) -> str:
    """What ``uname -m`` will say, from a program of the image's; the machine that we are on where none says it."""
    heads = (host.head(path, 20) for path in ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/lib/systemd/systemd"))
    built = (elf.machine(head) for head in heads if head)
    return next((m for a in built if a and (m := table.machine(a))), host.machine)


def _flags(host: Reader) -> tuple[str, ...]:
    """What the unit in the image gives the daemon; where containerd will listen is nothing to look for now."""
    drop_ins = (f"{DROP_INS}/{n}" for n in host.names(DROP_INS) if n.endswith(".conf"))
    texts = (host.read(path) or "" for path in (*UNITS, *drop_ins))
    lines = [line for text in texts for line in re.findall(r"(?m)^ExecStart=(.+)$", text.replace("\\\n", " "))]
    argv = unit.expanded(lines[-1], host.read(DEFAULTS) or "") if lines else ()
    return tuple(command_line.without(argv[1:], "--containerd"))
