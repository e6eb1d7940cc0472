"""buildx's own files: the instances, and which of them it would choose. Read only; buildx alone writes them.

Facts: docker/buildx store/*.go. Every user has a store of its own, below the folder of docker's configuration.
"""

import binascii
import json
from collections.abc import Mapping

from provisioner.emulators.mounts import mount
from provisioner.engine.addresses import SOCKET
from provisioner.errors import ConfigError, DeniedError, ProvisionerError
from provisioner.model import Account, Reader
from provisioner.platforms import table
from provisioner.typed import Any, NamedTuple

# buildx names the file after the first 20 hexadecimal digits of the endpoint's SHA-256
DEFAULTS = {f"unix://{SOCKET}": "13c4025c96f36e94b348", "unix:///run/docker.sock": "175952a36e1537c9269d"}
COVERS = ("tmpfs", "ramfs")  # what systemd's ProtectHome= covers homes with
COVERED = ("/home", "/root", "/run/user")
FOLDERS = ("", "instances", "defaults", "activity", "refs", "certs")


class Node(NamedTuple):
    """One node of an instance; ``platforms`` are those that were fixed, ``files`` what is copied to /etc/buildkit."""

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
    """What ``buildx use`` left: for which endpoint or context, and which builder ('' is the context's own)."""

    key: str = ""
    name: str = ""
    everywhere: bool = False


class Store(NamedTuple):
    """One user's store."""

    folder: str
    user: str

    def instance_file(self, name: str) -> str:
        """The file of an instance."""
        return f"{self.folder}/instances/{name}"

    @property
    def docker(self) -> str:
        """The folder of docker's configuration."""
        return self.folder.removesuffix("/buildx")

    @property
    def current_file(self) -> str:
        """The file of the choice made last."""
        return f"{self.folder}/current"

    def default_file(self, key: str) -> str:
        """The file of the default for an endpoint or a context."""
        return f"{self.folder}/defaults/{digest(key)}"


def kubeconfig(configured: str, home: str) -> str:
    """Return a configured kubeconfig, where ``~/`` stands for a user's home folder; empty for the default one."""
    return f"{home}{configured[1:]}" if configured.startswith("~/") else configured


def of(host: Reader, account: Account) -> Store:
    """The store of a user; beside the configuration of docker, which our own environment may have elsewhere."""
    own = told(host) if account.name == host.user else ""
    return Store(f"{own or f'{_home(host, account)}/.docker'}/buildx", account.name)


def _home(host: Reader, account: Account) -> str:
    """What docker takes for a user's home: the one that snap gives it, where docker's command line is the snap's."""
    program = host.program("docker") or ""
    return f"{account.home}/snap/docker/current" if program.endswith("/snap/bin/docker") else account.home


def hidden(host: Reader, store: Store) -> bool:
    """Whether what docker keeps of a user cannot be seen from here: a sandbox has put something else over the home."""
    home = store.docker.rpartition("/")[0]
    if store.docker == "/root/.docker":  # which the units of ours show, if it is there
        return False
    try:
        if host.stat(store.docker) is not None or host.stat(home) is not None:
            return False
        found = mount(host, home)
    except DeniedError:
        return True
    return found.kind in COVERS and found.point in COVERED


def told(host: Reader) -> str:
    """The folder that our environment names, and docker is told of; empty: none, as always for root."""
    return host.environ.get("DOCKER_CONFIG", "").rstrip("/") if host.uid != 0 else ""


def instance(host: Reader, store: Store, name: str) -> Instance | None:
    """A builder's record; None: there is none. ConfigError says in a sentence why it cannot be taken."""
    path = store.instance_file(name)
    text = host.read(path, user=store.user)
    return None if text is None else parse(text, path)


def parse(text: str, path: str) -> Instance:
    """Read the text of an instance's file."""
    try:
        found = json.loads(text)
        nodes = tuple(_node(n) for n in found["Nodes"] or ())
        return Instance(str(found["Name"]), str(found["Driver"]), nodes)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise ConfigError(f"{path}: it is no record of a builder", hint="move it away, then apply again") from None


def choice(host: Reader, store: Store) -> Choice:
    """The choice that was made last. A file that cannot be read as one is no choice, to buildx neither."""
    try:
        found = json.loads(host.read(store.current_file, user=store.user) or "{}")
        return Choice(str(found.get("Key", "")), str(found.get("Name", "")), bool(found.get("Global")))
    except (ValueError, AttributeError, RecursionError):
        return Choice()


def default(host: Reader, store: Store, key: str) -> str | None:
    """The default for an endpoint or a context."""
    return (host.read(store.default_file(key), user=store.user) or "").strip() or None


def ways(host: Reader, store: Store, endpoint: str) -> tuple[str, ...]:
    """Every other name under which this user may reach the engine at ``endpoint``: contexts and DOCKER_HOSTs."""
    found = [u for u in (f"unix://{SOCKET}", "unix:///run/docker.sock") if u != endpoint and _same(u, endpoint)]
    folder = f"{store.docker}/contexts/meta"
    for name in host.names(folder, user=store.user):
        try:
            context = json.loads(host.read(f"{folder}/{name}/meta.json", user=store.user) or "{}")
            if _same(context["Endpoints"]["docker"]["Host"], endpoint):
                found.append(str(context["Name"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ProvisionerError):
            continue  # docker cannot use it, either
    return tuple(found)


def digest(key: str) -> str:
    """How buildx names the file of a default."""
    known = DEFAULTS.get(key)
    if known is None:
        import hashlib  # only for what is not docker's own default

        known = hashlib.sha256(key.encode()).hexdigest()[:20]
    return known


def _same(a: str, b: str) -> bool:
    """Whether two addresses are one socket: /var/run is a link to /run on every host with systemd."""
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
    """buildx takes platforms that do not exist; so what cannot be normalised stays as it is."""
    parts = (found.get("os"), found.get("architecture"), found.get("variant"))
    name = "/".join(str(p) for p in parts if p)
    try:
        return table.normalise(name)
    except ValueError:
        return name
