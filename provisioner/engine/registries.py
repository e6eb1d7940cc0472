"""What the daemon knows about registries and proxies. A builder in its own container does not inherit this.

/info reports the active mirrors, insecure registries and proxies, no matter where they were configured. Sources: moby's
/info and registry/config.go, docker/buildx#1370, #1642 and #2712.
"""

from collections.abc import Iterator, Mapping

from provisioner.engine import certificates
from provisioner.engine.info import Engine
from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.text import command_line, json_read, tolerant
from provisioner.typed import Any, NamedTuple

HUB = "docker.io"
MIRRORS = "registry-mirrors"
PROXIES = {"http-proxy": "http_proxy", "https-proxy": "https_proxy", "no-proxy": "no_proxy"}
MASKED = "xxxxx:xxxxx@"  # /info shows this instead of a user and a password
LOOPBACK = ("127.", "[::1]")
OWN_RANGES = ("127.0.0.0/8", "::1/128")  # every engine has these
# What a name in a table of buildkitd.toml may hold. buildx before 0.31 cannot read a quoted `]` there, so an IPv6
# address cannot be named.
NAMED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:")


class Registries(NamedTuple):
    """Registry and proxy settings of a daemon.

    ``mirrors``: URLs of Docker Hub's mirrors.
    ``certificates``: the certificate files of each registry.
    ``proxies``: by environment variable.
    ``authorities``: the certificates of authorities that this host trusts in addition to the usual ones.
    ``unseen``: why this user cannot see all settings; empty if everything was visible.
    ``broken``: what is left out because buildx or BuildKit would fail on it, a sentence each.
    ``ranges``: networks whose registries need no TLS.
    """

    mirrors: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    certificates: Mapping[str, tuple[str, ...]] = {}
    proxies: Mapping[str, str] = {}
    unseen: str = ""
    authorities: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()


def gather(
    host: Reader,
    found: Engine,
    daemon_json: str,
    process: int | None,
    *,
    flags: tuple[str, ...] = (),
    certs: str = certificates.CERTS,
) -> Registries:
    """Collect the settings from the engine's answer and from the daemon's files and flags."""
    known = Registries(found.mirrors, found.insecure, ranges=found.ranges)
    try:
        proxies = dict(found.proxies)
        hidden = [name for name, value in proxies.items() if MASKED in value]
        if hidden or not proxies:
            said = _environment(host, process) if hidden else {}
            said |= _proxies(_object(host.read(daemon_json)))
            said |= {v: value for name, v in PROXIES.items() if (value := command_line.value(flags, f"--{name}"))}
            proxies |= {name: value for name, value in said.items() if name in hidden or not found.proxies}
        known = known._replace(proxies=proxies)
        if any(MASKED in value for value in proxies.values()):
            known = known._replace(proxies={}, unseen="this user may not see the password of the engine's proxy")
        files = certificates.gather(host, certs)
        return known._replace(certificates=files.registries, authorities=files.authorities, broken=files.broken)
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

    def exchanged(known: tuple[str, ...], gone: tuple[str, ...], come: tuple[str, ...]) -> tuple[str, ...]:
        kept = [v for v in known if v.rstrip("/") not in {v.rstrip("/") for v in gone}]
        return tuple(dict.fromkeys((*kept, *come)))

    (insecure_before, ranges_before), (insecure, ranges) = _insecure(old), _insecure(new)
    return found._replace(
        mirrors=exchanged(found.mirrors, tolerant.strings(old.get(MIRRORS)), tolerant.strings(new.get(MIRRORS))),
        insecure=exchanged(found.insecure, insecure_before, insecure),
        ranges=exchanged(found.ranges, ranges_before, ranges),
        proxies={k: v for k, v in found.proxies.items() if k not in _proxies(old)} | _proxies(new),
    )


def _insecure(found: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the registries and the networks of a daemon.json, as the daemon reads them: without http:// or https://."""
    said = [_bare(v) for v in tolerant.strings(found.get("insecure-registries"))]
    return tuple(v for v in said if "/" not in v and v != HUB), tuple(v for v in said if "/" in v)


def _bare(text: str) -> str:
    scheme, found, rest = text.partition("://")
    return rest if found and scheme.lower() in ("http", "https") else text


def odd(found: Registries) -> Iterator[str]:
    """Yield a sentence for each setting that BuildKit does not get, or takes for something else."""
    hosts = [_bare(url).partition("/")[0] for url in found.mirrors if url.startswith("http://")]
    for where in dict.fromkeys((*found.insecure, *found.certificates, *hosts)):
        if not NAMED.issuperset(where):
            yield f"the registry {where} cannot be named in buildkitd.toml: the builder does not get its settings"
    for url in found.mirrors:
        host, _, path = _bare(url).rstrip("/").partition("/")
        if path:
            asks = f"the engine asks {host}/{path}/v2/, and BuildKit {host}/v2/{path}/"
            yield f"of the mirror {url} {asks}: if nothing is there, the builder asks Docker Hub"


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
    return {where: row for where, row in table.items() if row and NAMED.issuperset(where)}


def local(where: str) -> bool:
    """Whether a registry is on the host's loopback, which a container with its own network cannot reach."""
    name = where.partition("/")[0]
    return name.startswith(LOOPBACK) or name.partition(":")[0] == "localhost"


def _proxies(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the proxies that a daemon.json names. They override those of the daemon's environment."""
    proxies = found.get("proxies")
    if not isinstance(proxies, dict):  # the daemon reports this error
        return {}
    return {variable: str(proxies[key]) for key, variable in PROXIES.items() if proxies.get(key)}


def _object(text: str | None) -> Mapping[str, Any]:
    """Parse a daemon.json. An invalid file gives an empty mapping, because other resources report its errors."""
    try:
        found, _ = json_read.parse((text or "{}").removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
