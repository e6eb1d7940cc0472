"""Which engine ``docker`` talks to. Source: docker/cli's resolveContextName."""

from provisioner.engine import addresses, contexts
from provisioner.model import Reader
from provisioner.typed import NamedTuple

AUTO, ALL = "auto", "all"  # what docker itself would use; each that is ours
PINNED = "engine:, --context or --host"


class Endpoint(NamedTuple):
    """Where the engine listens, as docker resolves it. ``source`` says what decided."""

    context: str
    host: str
    source: str

    @property
    def socket(self) -> str | None:
        """The path of its Unix socket or named pipe, or its whole address elsewhere; None: nobody can go there."""
        scheme, _, path = self.host.partition("://")
        return path if scheme in ("unix", "npipe") else self.host if scheme in ("tcp", "ssh") else None


def endpoint(host: Reader, pinned: str = AUTO) -> Endpoint:
    """The endpoint that ``docker`` would use: what is ``pinned`` (a context's name or an address), DOCKER_HOST,
    DOCKER_CONTEXT, currentContext, default.

    ConfigError: a context is named that is not there, or its file cannot be read.
    """
    name, source = ("", "") if pinned in (AUTO, ALL) else (pinned, PINNED)
    if "://" in name:
        return Endpoint("default", addresses.address(name), source)
    if name in ("", "default") and (where := host.environ.get("DOCKER_HOST")):
        return Endpoint("default", addresses.address(where), "DOCKER_HOST")
    if not name:
        name, source = host.environ.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not name:
        folder = contexts.folder(host)
        name, source = contexts.current(host, folder), f"{folder}/config.json"
    if name in ("", "default"):
        return Endpoint("default", addresses.PIPE if host.platform == "win32" else addresses.DEFAULT, "default")
    return Endpoint(*contexts.named(host, contexts.folder(host), name, source))
