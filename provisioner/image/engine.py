"""What the engine of an image will be when the image runs, found out from its files."""

import re

from provisioner.engine import addresses, endpoints, info, memory, registries, running, stores, unit
from provisioner.engine.facts import Facts
from provisioner.engine.kinds import Layout
from provisioner.errors import NoEngineError
from provisioner.image.version import version
from provisioner.model import Reader
from provisioner.platforms import elf, machine, table
from provisioner.text import command_line

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
    number = info.version(text)
    new = number is None or number >= (24,)
    flags = _flags(host)
    answer = {"ServerVersion": text, "Driver": "overlayfs" if new else "overlay2", "DockerRootDir": DATA}
    found = info.engine({**answer, "DriverStatus": [info.PAIR] if new else []}, HERE)._replace(shown={})
    path = running.config_file(flags, Layout())
    prior, owned = stores.prior(host, found), memory.owned(host, path)
    return bare(host)._replace(engine=found, flags=flags, daemon_json=path, prior=prior, owned=owned)


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
