"""Read buildx's records of builders. Only buildx writes these files.

Source: docker/buildx store/*.go. Every user has a separate store, in the folder of docker's configuration.
"""

from collections.abc import Mapping

from provisioner.engine.addresses import SOCKET
from provisioner.errors import ConfigError, DeniedError
from provisioner.model import Account, Reader
from provisioner.platforms import table
from provisioner.text import as_go
from provisioner.typed import Any, NamedTuple

# buildx names the file after the first 20 hexadecimal digits of the endpoint's SHA-256.
DEFAULTS = {f"unix://{SOCKET}": "13c4025c96f36e94b348", "unix:///run/docker.sock": "175952a36e1537c9269d"}
COVERS = ("tmpfs", "ramfs")  # systemd's ProtectHome= covers homes with these
COVERED = ("/home", "/root", "/run/user")
STORE = "BUILDX_CONFIG"  # the variable that places buildx's own folder
GROUP = {"Name": str, "Driver": str, "Nodes": list, "Dynamic": bool}
NODE = {
    **dict.fromkeys(("Name", "Endpoint"), str),
    **dict.fromkeys(("Platforms", "Flags"), list),
    **dict.fromkeys(("DriverOpts", "Files"), as_go.Pairs),
}
PLATFORM = {**dict.fromkeys(("os", "architecture", "variant", "os.version"), str), "os.features": list}
AWAY = "move it away, then apply again"
FOLDERS = ("", "instances", "defaults", "activity", "refs", "certs")


class Node(NamedTuple):
    """One node of an instance.

    ``platforms`` are the ones that were set by hand; ``files`` are copied to /etc/buildkit.
    """

    name: str
    endpoint: str
    platforms: tuple[str, ...] = ()
    options: Mapping[str, str] = {}
    flags: tuple[str, ...] = ()
    files: Mapping[str, bytes] | None = None


class Instance(NamedTuple):
    """buildx's record of a builder."""

    name: str
    driver: str
    nodes: tuple[Node, ...]


class Store(NamedTuple):
    """One user's store. ``docker`` is the folder of docker's configuration."""

    folder: str
    user: str
    docker: str

    def instance_file(self, name: str) -> str:
        """Return the file of an instance."""
        return f"{self.folder}/instances/{name}"

    def activity_file(self, name: str) -> str:
        """Return the file of the time of an instance's last build."""
        return f"{self.folder}/activity/{name}"

    @property
    def current_file(self) -> str:
        """The file of the last choice."""
        return f"{self.folder}/current"

    def default_file(self, key: str) -> str:
        """Return the file of the default for an endpoint or a context."""
        return f"{self.folder}/defaults/{digest(key)}"


def kubeconfig(configured: str, home: str) -> str:
    """Return a configured kubeconfig with ``~/`` replaced by the home folder; empty means the default one."""
    return f"{home}{configured[1:]}" if configured.startswith("~/") else configured


def of(host: Reader, account: Account) -> Store:
    """Return a user's store. It is in docker's configuration folder. Our own environment may place both elsewhere."""
    own = account.name == host.user
    docker = (told(host) if own else "") or f"{_home(host, account)}/.docker"
    return Store((told(host, STORE) if own else "") or f"{docker}/buildx", account.name, docker)


def _home(host: Reader, account: Account) -> str:
    """Return what docker uses as a user's home: the snap's folder if docker's command line comes from the snap."""
    program = host.program("docker") or ""
    return f"{account.home}/snap/docker/current" if program.endswith("/snap/bin/docker") else account.home


def hidden(host: Reader, store: Store) -> bool:
    """Return whether a user's docker folder is hidden, because a sandbox has mounted something over the home."""
    home = store.docker.rpartition("/")[0]
    if store.docker == "/root/.docker":  # our units show this folder if it exists
        return False
    from provisioner.emulators.mounts import mount

    try:
        if host.stat(store.docker) is not None or host.stat(home) is not None:
            return False
        found = mount(host, home)
    except DeniedError:
        return True
    return found.kind in COVERS and found.point in COVERED


def told(host: Reader, variable: str = "DOCKER_CONFIG") -> str:
    """Return the folder in a variable of ours, which docker also uses; empty if unset, and always for root."""
    return host.environ.get(variable, "").rstrip("/") if host.uid != 0 else ""


def instance(host: Reader, store: Store, name: str) -> Instance | None:
    """Return a builder's record; None if there is none.

    Raises:
        ConfigError: The file is not a record of this builder.
    """
    path = store.instance_file(name)
    text = host.read(path, user=store.user)
    found = None if text is None else parse(text, path)
    if found and found.name != name:
        raise ConfigError(f"{path}: this is the record of {found.name or 'no builder'}", hint=AWAY)
    return found


def parse(text: str, path: str) -> Instance:
    """Read the text of an instance's file.

    Raises:
        ConfigError: buildx cannot read it.
    """
    try:
        found = as_go.fields(as_go.loads(text), GROUP)
        nodes = tuple(_node(as_go.fields(n, NODE)) for n in found["Nodes"])
    except (ValueError, RecursionError):
        raise ConfigError(f"{path}: this is not a record of a builder", hint=AWAY) from None
    if not found["Driver"]:
        raise ConfigError(f"{path}: this is not a record of a builder", hint=AWAY)
    return Instance(found["Name"], found["Driver"], nodes)


def digest(key: str) -> str:
    """Return how buildx names the file of a default."""
    known = DEFAULTS.get(key)
    if known is None:
        import hashlib  # needed only if it is not docker's own default

        from provisioner.text.tolerant import encoded

        known = hashlib.sha256(encoded(key)).hexdigest()[:20]
    return known


def same(a: str, b: str) -> bool:
    """Return whether two addresses are the same socket: on hosts with systemd, /var/run is a link to /run."""
    return a.replace("unix:///var/run/", "unix:///run/") == b.replace("unix:///var/run/", "unix:///run/")


def _node(found: Mapping[str, Any]) -> Node:
    files = found["Files"]
    return Node(
        name=found["Name"],
        endpoint=found["Endpoint"],
        platforms=tuple(_platform(as_go.fields(p, PLATFORM)) for p in found["Platforms"]),
        options=as_go.words(found["DriverOpts"]),
        flags=tuple("" if flag is None else as_go.typed(flag, str) for flag in found["Flags"]),
        files={k: as_go.decoded(v) for k, v in as_go.words(files).items()} if files else None,
    )


def _platform(found: Mapping[str, str]) -> str:
    """Return a platform's name. buildx accepts platforms that do not exist; these are returned unchanged."""
    name = "/".join(filter(None, (found["os"], found["architecture"], found["variant"])))
    try:
        return table.normalise(name)
    except ValueError:
        return name
