"""Find out from an image's files how its engine will behave when the image runs."""

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
DATA = "/var/lib/docker"


def gather(host: Reader, root: str) -> Facts:
    """Collect the facts about the image as they will be when it runs.

    Raises: NoEngineError if the image contains no engine.
    """
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
    """Predict the engine's answer about itself, and whether it will not choose containerd's store on its own.

    From version 24 on, the store counts as active unless a setting prevents it. A plan that sets the key then sees that
    setting.
    """
    number = info.version(text)
    try:
        file = json_read.load(host.read(path) or "", path, version=number)
    except ProvisionerError:  # the engine will not start; the plan for an edit says why
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
    """Return the facts about the image as they will be when it runs, without its engine."""
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
    """Return the future output of ``uname -m``, from a program in the image. The default is the current machine."""
    heads = (host.head(path, 20) for path in ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/lib/systemd/systemd"))
    built = (elf.machine(head) for head in heads if head)
    return next((m for a in built if a and (m := table.machine(a))), host.machine)


def _flags(host: Reader) -> tuple[str, ...]:
    """Return the flags that the image's unit passes to the daemon, except containerd's address, which is not needed."""
    return tuple(command_line.without(unit.written(host, Layout().unit)[1:], "--containerd"))
