"""Read buildx's own files: the instances, and which of them buildx would choose. Only buildx writes these files.

Source: docker/buildx store/*.go. Every user has a separate store, in the folder of docker's configuration.
"""

import binascii
from collections.abc import Mapping

from provisioner.engine.addresses import SOCKET
from provisioner.errors import ConfigError, DeniedError, ProvisionerError
from provisioner.model import Account, Reader
from provisioner.platforms import table
from provisioner.text import plain_json
from provisioner.typed import Any, NamedTuple

# buildx names the file after the first 20 hexadecimal digits of the endpoint's SHA-256.
DEFAULTS = {f"unix://{SOCKET}": "13c4025c96f36e94b348", "unix:///run/docker.sock": "175952a36e1537c9269d"}
COVERS = ("tmpfs", "ramfs")  # systemd's ProtectHome= covers homes with these
COVERED = ("/home", "/root", "/run/user")
STORE = "BUILDX_CONFIG"  # the variable that places buildx's own folder
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


class Choice(NamedTuple):
    """The choice that ``buildx use`` stored: an endpoint or context, and a builder ('' is the context's own)."""

    key: str = ""
    name: str = ""
    everywhere: bool = False


class Store(NamedTuple):
    """One user's store. ``docker`` is the folder of docker's configuration."""

    folder: str
    user: str
    docker: str

    def instance_file(self, name: str) -> str:
        """Return the file of an instance."""
        return f"{self.folder}/instances/{name}"

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
        ConfigError: The file is not a record of a builder.
    """
    path = store.instance_file(name)
    text = host.read(path, user=store.user)
    return None if text is None else parse(text, path)


def parse(text: str, path: str) -> Instance:
    """Read the text of an instance's file."""
    try:
        found = plain_json.loads(text)
        nodes = tuple(_node(n) for n in found["Nodes"] or ())
        return Instance(str(found["Name"]), str(found["Driver"]), nodes)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise ConfigError(f"{path}: this is not a record of a builder", hint="move it away, then apply again") from None


def choice(host: Reader, store: Store) -> Choice:
    """Return the last choice. Anything except a file with a record of a choice counts as none: buildx fails on it.

    Raises: DeniedError if this user may not know the choice.
    """
    try:
        found = plain_json.loads(host.read(store.current_file, user=store.user) or "{}")
        return Choice(str(found.get("Key", "")), str(found.get("Name", "")), bool(found.get("Global")))
    except DeniedError:
        raise
    except (ValueError, AttributeError, RecursionError, ProvisionerError):
        return Choice()


def default(host: Reader, store: Store, key: str) -> str | None:
    """Return the default for an endpoint or a context. Anything except a file counts as no default.

    Raises: DeniedError if this user may not know the default.
    """
    try:
        return (host.read(store.default_file(key), user=store.user) or "").strip() or None
    except DeniedError:
        raise
    except ProvisionerError:
        return None


def ways(host: Reader, store: Store, endpoint: str) -> tuple[str, ...]:
    """Return every other name by which this user may reach the engine at ``endpoint``: contexts and DOCKER_HOSTs."""
    found = [u for u in (f"unix://{SOCKET}", "unix:///run/docker.sock") if u != endpoint and same(u, endpoint)]
    folder = f"{store.docker}/contexts/meta"
    try:
        names = host.names(folder, user=store.user)
    except ProvisionerError:  # docker cannot look into it either
        names = ()
    for name in names:
        try:
            context = plain_json.loads(host.read(f"{folder}/{name}/meta.json", user=store.user) or "{}")
            if same(context["Endpoints"]["docker"]["Host"], endpoint):
                found.append(str(context["Name"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ProvisionerError):
            continue  # docker cannot use it either
    return tuple(found)


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
    files = found.get("Files")
    return Node(
        name=str(found["Name"]),
        endpoint=str(found["Endpoint"]),
        platforms=tuple(_platform(p) for p in found.get("Platforms") or ()),
        options={k: str(v) for k, v in (found.get("DriverOpts") or {}).items()},
        flags=tuple(map(str, found.get("Flags") or ())),
        files=None if files is None else {k: binascii.a2b_base64(v, strict_mode=True) for k, v in files.items()},
    )


def _platform(found: Mapping[str, Any]) -> str:
    """Return a platform's name. buildx accepts platforms that do not exist; these are returned unchanged."""
    parts = (found.get("os"), found.get("architecture"), found.get("variant"))
    name = "/".join(str(p) for p in parts if p)
    try:
        return table.normalise(name)
    except ValueError:
        return name
