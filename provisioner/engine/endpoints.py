"""Which engine ``docker`` talks to. Source: docker/cli's resolveContextName."""

from provisioner.engine import addresses, contexts
from provisioner.model import Reader
from provisioner.typed import NamedTuple

AUTO, ALL = "auto", "all"  # the engine that docker itself would use; every engine that is ours
PINNED = "engine:, --context or --host"


class Endpoint(NamedTuple):
    """Where the engine listens, as docker resolves it. ``source`` says what decided.

    ``tls`` holds the folder of the certificates and whether the engine's certificate is verified. It is empty without
    TLS.
    """

    context: str
    host: str
    source: str
    tls: str = ""

    @property
    def socket(self) -> str | None:
        """The path of the Unix socket or named pipe, or the whole address for tcp and ssh. None for other schemes."""
        scheme, _, path = self.host.partition("://")
        return path if scheme in ("unix", "npipe") else self.address if scheme in ("tcp", "ssh") else None

    @property
    def address(self) -> str:
        """The address together with its TLS settings. ``endpoint`` can read it again."""
        return f"{self.host}?{self.tls}" if self.tls else self.host


def endpoint(host: Reader, pinned: str = AUTO) -> Endpoint:
    """Return the endpoint that ``docker`` would use.

    The first of these decides: ``pinned`` (a context's name or an address), DOCKER_HOST, DOCKER_CONTEXT,
    currentContext, docker's default.

    Raises: ConfigError if a named context does not exist, or its file is not JSON.
    """
    name, source = ("", "") if pinned in (AUTO, ALL) else (pinned, PINNED)
    if "://" in name:
        return _at(host, name, source)
    if name in ("", "default") and (where := host.environ.get("DOCKER_HOST")):
        return _at(host, where, "DOCKER_HOST")
    if not name:
        name, source = host.environ.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not name:
        folder = contexts.folder(host)
        name, source = contexts.current(host, folder), f"{folder}/config.json"
    if name in ("", "default"):
        return Endpoint("default", addresses.PIPE if host.platform == "win32" else addresses.DEFAULT, "default")
    found = contexts.named(host, contexts.folder(host), name, source)
    return Endpoint(found.name, addresses.address(found.address), source, found.tls)


def _at(host: Reader, given: str, source: str) -> Endpoint:
    """Build an endpoint from an address. TLS settings come from the address, else from the environment."""
    where, _, named = given.partition(f"?{contexts.TLS}")
    tls = f"{contexts.TLS}{named}" if named else _by_environment(host)
    found = addresses.address(where)
    return Endpoint("default", found, source, tls if found.startswith("tcp://") else "")


def _by_environment(host: Reader) -> str:
    """Return the TLS settings of docker's variables, or an empty string. Source: docker/cli's cli/flags/options.go."""
    verify = bool(host.environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not host.environ.get("DOCKER_TLS"):
        return ""
    return contexts.tls(host.environ.get("DOCKER_CERT_PATH") or contexts.folder(host), verify=verify)
