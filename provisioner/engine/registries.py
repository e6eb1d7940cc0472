"""What the daemon knows about registries and proxies. A builder in its own container does not inherit this.

/info reports the active mirrors, insecure registries and proxies, no matter where they were configured. Sources: moby's
/info and registry/config.go, docker's certs.d, docker/buildx#1370, #1642 and #2712.
"""

from collections.abc import Iterator, Mapping

from provisioner.engine.info import Engine
from provisioner.errors import DeniedError, ProvisionerError
from provisioner.model import Reader
from provisioner.text import json_read
from provisioner.typed import Any, NamedTuple

CERTS = "/etc/docker/certs.d"
# Where a host's own authorities are: Debian, Fedora, SUSE and Arch. The daemon trusts them for every registry.
# update-ca-certificates takes every *.crt, also in folders below; the others take every file of the folder.
DEBIANS = "/usr/local/share/ca-certificates"
ANCHORS = (
    DEBIANS,
    "/etc/pki/ca-trust/source/anchors",
    "/etc/pki/trust/anchors",
    "/etc/ca-certificates/trust-source/anchors",
)
DEEPEST = 3  # folders below each other that we look into
PEM = b"-----BEGIN CERTIFICATE-----"
LARGEST = 1 << 20  # bytes of a file of certificates that we read
HUB = "docker.io"
PROXIES = {"http-proxy": "http_proxy", "https-proxy": "https_proxy", "no-proxy": "no_proxy"}
MASKED = "xxxxx:xxxxx@"  # /info shows this instead of a user and a password
LOOPBACK = ("127.", "[::1]")


class Registries(NamedTuple):
    """Registry and proxy settings of a daemon.

    ``mirrors``: URLs of Docker Hub's mirrors.
    ``certificates``: the certificate files of each registry.
    ``proxies``: by environment variable.
    ``authorities``: the certificates of authorities that this host trusts in addition to the usual ones.
    ``unseen``: why this user cannot see all settings; empty if everything was visible.
    ``broken``: what is left out because buildx or BuildKit would fail on it, a sentence each.
    """

    mirrors: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    certificates: Mapping[str, tuple[str, ...]] = {}
    proxies: Mapping[str, str] = {}
    unseen: str = ""
    authorities: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def gather(host: Reader, found: Engine, daemon_json: str, process: int | None) -> Registries:
    """Collect the settings from the engine's answer and from the daemon's files."""
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
        broken: list[str] = []
        known = known._replace(certificates=dict(_certificates(host, broken)), authorities=_authorities(host, broken))
        return known._replace(broken=tuple(broken))
    except DeniedError as e:
        return known._replace(unseen=e.message)


def _environment(host: Reader, process: int | None) -> dict[str, str]:
    """Return the proxies in the environment of the daemon's process. Its unit usually sets them."""
    text = host.read(f"/proc/{process}/environ") if process else ""
    pairs = (word.partition("=") for word in (text or "").split("\0"))
    return {name.lower(): value for name, _, value in pairs if name.lower() in PROXIES.values() and value}


def foreseen(found: Registries, before: str | None, after: str | None) -> Registries:
    """Predict the settings once daemon.json is ``after`` (None if it stays). Settings from the daemon's flags stay."""
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
    """Return BuildKit's ``registry`` table. ``loopback`` says whether the builder shares the host's network."""
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
        table.setdefault(HUB, {})["mirrors"] = hosts
    for where in found.insecure:
        table.setdefault(where, {}).update(http=True, insecure=True)
    for where, files in found.certificates.items():
        row = table.setdefault(where, {})
        if authorities := [f for f in files if f.endswith(".crt")]:
            row["ca"] = authorities
        pairs = [(f, f.removesuffix(".cert") + ".key") for f in files if f.endswith(".cert")]
        if known := [{"key": key, "cert": cert} for cert, key in pairs if key in files]:
            row["keypair"] = known
    if found.authorities:
        row = table.setdefault(HUB, {})
        row["ca"] = [*row.get("ca", ()), *found.authorities]
    return {where: row for where, row in table.items() if row}


def local(where: str) -> bool:
    """Whether a registry is on the host's loopback, which a container with its own network cannot reach."""
    name = where.partition("/")[0]
    return name.startswith(LOOPBACK) or name.partition(":")[0] == "localhost"


def _certificates(host: Reader, broken: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each registry with its files in certs.d. Add what is wrong about the others to ``broken``."""
    for registry in host.names(CERTS):
        folder = f"{CERTS}/{registry}"
        names = tuple(n for n in host.names(folder) if n.endswith((".crt", ".cert", ".key")))
        wrong = {n: why for n in names if not n.endswith(".key") and (why := _unusable(host, f"{folder}/{n}"))}
        for name in (n for n in names if n.endswith(".cert") and n.removesuffix(".cert") + ".key" not in names):
            wrong[name] = "has no key beside it"
        broken += [f"{folder}/{name} {why}" for name, why in wrong.items()]
        if files := tuple(f"{folder}/{n}" for n in names if n not in wrong):
            yield registry, files


def _authorities(host: Reader, broken: list[str]) -> tuple[str, ...]:
    """Return the files of the host's own authorities, each name once, because buildx keeps them in one folder."""
    files: dict[str, str] = {}
    for path in (path for folder in reversed(ANCHORS) for path in _below(host, folder, folder == DEBIANS)):
        if why := _unusable(host, path):
            broken += [f"{path} {why}"] if path.endswith((".crt", ".pem")) else []
        else:
            files[path.rpartition("/")[2]] = path
    return tuple(path for _, path in sorted(files.items()))


def _below(host: Reader, folder: str, debian: bool, depth: int = DEEPEST) -> Iterator[str]:
    """Yield the paths in a folder that may be certificates."""
    for name in host.names(folder):
        path = f"{folder}/{name}"
        there = host.stat(path)
        if there is not None and there.directory:
            yield from _below(host, path, debian, depth - 1) if debian and depth > 1 else ()
        elif not debian or name.endswith(".crt"):
            yield path


def _unusable(host: Reader, path: str) -> str:
    """Return what is wrong about a file of certificates, or an empty string. One that we may not read counts as good.

    buildx copies the files when it makes the builder, and fails on one that it cannot read.
    """
    try:
        data = host.head(path, LARGEST)
    except DeniedError:
        return ""
    except ProvisionerError as e:
        return f"cannot be read ({e.message.rpartition(': ')[2]})"
    if data is None:
        return "is a link to nothing" if host.link(path) else "is gone"
    return "" if PEM in data else "holds no certificate in PEM form"


def _proxies(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the proxies that a daemon.json names. They override those of the daemon's environment."""
    proxies = found.get("proxies")
    if not isinstance(proxies, dict):  # the daemon reports this error
        return {}
    return {variable: str(proxies[key]) for key, variable in PROXIES.items() if proxies.get(key)}


def _strings(found: Any) -> tuple[str, ...]:
    """Return a list as strings, or an empty tuple for any other type. The daemon reports that error."""
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _object(text: str | None) -> Mapping[str, Any]:
    """Parse a daemon.json. An invalid file gives an empty mapping, because other resources report its errors."""
    try:
        found, _ = json_read.parse((text or "{}").removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
