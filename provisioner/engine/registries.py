"""What the daemon knows of registries and proxies, which a builder in a container of its own does not inherit.

Mirrors, insecure registries and proxies are those in effect, as /info has them, wherever they were configured.
Facts: moby's /info and registry/config.go, docker's certs.d, docker/buildx#1370, #1642 and #2712.
"""

from collections.abc import Iterator, Mapping

from provisioner.engine.info import Engine
from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.text import json_read
from provisioner.typed import Any, NamedTuple

CERTS = "/etc/docker/certs.d"
PROXIES = {"http-proxy": "http_proxy", "https-proxy": "https_proxy", "no-proxy": "no_proxy"}
MASKED = "xxxxx:xxxxx@"  # what /info has instead of a user and a password
LOOPBACK = ("127.", "[::1]")


class Registries(NamedTuple):
    """``mirrors`` of Docker Hub are URLs; ``certificates`` are the files of each registry; ``proxies`` by variable.

    ``unseen``: why this user may not know all of it; empty: all was seen.
    """

    mirrors: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    certificates: Mapping[str, tuple[str, ...]] = {}
    proxies: Mapping[str, str] = {}
    unseen: str = ""


def gather(host: Reader, found: Engine, daemon_json: str, process: int | None) -> Registries:
    """Look at the daemon's files; mirrors, insecure registries and proxies in effect are what it said itself."""
    known = Registries(found.mirrors, found.insecure)
    try:
        proxies = dict(found.proxies)
        hidden = [name for name, value in proxies.items() if MASKED in value]
        if hidden or not proxies:
            said = _environment(host, process) if hidden else {}
            said |= _proxies(_object(host.read(daemon_json)))
            proxies |= {name: value for name, value in said.items() if name in hidden or not found.proxies}
        known = known._replace(proxies=proxies)
        if any(MASKED in value for value in proxies.values()):
            known = known._replace(proxies={}, unseen="this user may not see the password of the engine's proxy")
        return known._replace(certificates=dict(_certificates(host)))
    except DeniedError as e:
        return known._replace(unseen=e.message)


def _environment(host: Reader, process: int | None) -> dict[str, str]:
    """The proxies in the environment of the daemon's process, where they are put by its unit."""
    text = host.read(f"/proc/{process}/environ") if process else ""
    pairs = (word.partition("=") for word in (text or "").split("\0"))
    return {name.lower(): value for name, _, value in pairs if name.lower() in PROXIES.values() and value}


def foreseen(found: Registries, before: str | None, after: str | None) -> Registries:
    """What the daemon will know once its daemon.json is ``after`` (None: it stays); its flags have a say as before."""
    if after is None:
        return found
    old, new = _object(before), _object(after)

    def exchanged(known: tuple[str, ...], key: str) -> tuple[str, ...]:
        gone = {v.rstrip("/") for v in _strings(old.get(key))}
        kept = [v for v in known if v.rstrip("/") not in gone]
        return tuple(dict.fromkeys((*kept, *_strings(new.get(key)))))

    mirrors, insecure = exchanged(found.mirrors, "registry-mirrors"), exchanged(found.insecure, "insecure-registries")
    proxies = {k: v for k, v in found.proxies.items() if k not in _proxies(old)} | _proxies(new)
    return found._replace(mirrors=mirrors, insecure=insecure, proxies=proxies)


def mapping(found: Registries, loopback: bool) -> dict[str, dict[str, Any]]:
    """BuildKit's ``registry`` table. ``loopback``: whether the builder shares the host's network."""
    table: dict[str, dict[str, Any]] = {}
    hosts = []
    for url in found.mirrors:
        scheme, _, rest = url.rpartition("://")
        where = rest.rstrip("/")
        if loopback or not local(where):
            hosts.append(where)
            if scheme == "http":
                table.setdefault(where.partition("/")[0], {})["http"] = True
    if hosts:
        table.setdefault("docker.io", {})["mirrors"] = hosts
    for where in found.insecure:
        table.setdefault(where, {}).update(http=True, insecure=True)
    for where, files in found.certificates.items():
        row = table.setdefault(where, {})
        if authorities := [f for f in files if f.endswith(".crt")]:
            row["ca"] = authorities
        pairs = [(f, f.removesuffix(".cert") + ".key") for f in files if f.endswith(".cert")]
        if known := [{"key": key, "cert": cert} for cert, key in pairs if key in files]:
            row["keypair"] = known
    return {where: row for where, row in table.items() if row}


def local(where: str) -> bool:
    """Whether a registry's name is the host's own loopback, which a container of its own network cannot reach."""
    name = where.partition("/")[0]
    return name.startswith(LOOPBACK) or name.partition(":")[0] == "localhost"


def _certificates(host: Reader) -> Iterator[tuple[str, tuple[str, ...]]]:
    for registry in host.names(CERTS):
        files = tuple(n for n in host.names(f"{CERTS}/{registry}") if n.endswith((".crt", ".cert", ".key")))
        if files:
            yield registry, tuple(f"{CERTS}/{registry}/{name}" for name in files)


def _proxies(found: Mapping[str, Any]) -> dict[str, str]:
    """The proxies that a daemon.json names. They come before those of the daemon's environment."""
    proxies = found.get("proxies")
    if not isinstance(proxies, dict):  # the daemon's to complain of
        return {}
    return {variable: str(proxies[key]) for key, variable in PROXIES.items() if proxies.get(key)}


def _strings(found: Any) -> tuple[str, ...]:
    """A list of strings; none where it is something else, of which the daemon would complain."""
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _object(text: str | None) -> Mapping[str, Any]:
    """A daemon.json; nothing where it is none, for other resources say what is wrong with it."""
    try:
        found, _ = json_read.parse((text or "{}").removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
