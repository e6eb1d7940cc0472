"""The docker contexts of a user, read from docker's own configuration.

Source: docker/cli's context store, ``<docker's configuration>/contexts/meta/<sha256 of the name>/meta.json``.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice

from provisioner.engine import addresses
from provisioner.errors import ConfigError, DeniedError, ProvisionerError
from provisioner.model import Reader
from provisioner.text import as_go, plain_json
from provisioner.typed import Any, NamedTuple

TLS = "tls="
META = "meta.json"
MOST = 500  # folders of a user's contexts that are looked into: a check must end, whatever a user has made
# The fields of an endpoint whose types docker, or its plug-in buildx, knows.
ENDPOINTS = {
    "docker": {"Host": str, "SkipTLSVerify": bool},
    "kubernetes": {**dict.fromkeys(("Host", "DefaultNamespace", "ProxyURL", "token"), str), "SkipTLSVerify": bool},
}


class Context(NamedTuple):
    """A context: its name, its address, and the file or variable that selected it."""

    name: str
    address: str
    source: str
    tls: str = ""


def tls(folder: str, *, verify: bool) -> str:
    """Encode the folder of the certificates, and whether to verify the engine's certificate, as part of an address."""
    return f"{TLS}{folder}&verify={int(verify)}"


def folder(host: Reader) -> str:
    """Return the folder of docker's configuration for the current user."""
    return host.environ.get("DOCKER_CONFIG") or f"{_home(host)}/.docker"


def _home(host: Reader) -> str:
    """Return the home folder that docker uses. Docker reads it from the environment only."""
    return host.environ.get("HOME") or host.environ.get("USERPROFILE", "").replace("\\", "/")


def unnamed(host: Reader) -> bool:
    """Quick check, without a parser, that no context or address is named. False means unknown."""
    if host.platform == "win32" or any(host.environ.get(name) for name in ("DOCKER_HOST", "DOCKER_CONTEXT")):
        return False
    return "currentContext" not in (host.read(f"{folder(host)}/config.json") or "")


def current(host: Reader, folder: str, *, user: str = "") -> str:
    """Return the context that config.json names, or an empty string.

    Docker only warns about a broken config.json and goes on without it, so a broken file counts as no context.
    """
    try:
        found = _parsed(host.read(f"{folder}/config.json", user=user), folder)
    except ProvisionerError:
        return ""
    named = [value for key, value in found.items() if key.lower() == "currentcontext" and isinstance(value, str)]
    return named[-1] if named else ""


def named(host: Reader, folder: str, name: str, source: str, *, user: str = "") -> Context:
    """Find a context by its name.

    Raises: ConfigError if the context does not exist or its file is not JSON.
    """
    import hashlib  # imported here because docker's default context has no file

    from provisioner.text.tolerant import encoded

    key = hashlib.sha256(encoded(name)).hexdigest()
    path = f"{folder}/contexts/meta/{key}/{META}"
    text = host.read(path, user=user)
    if text is None:
        hint = "see `docker context ls`; leave it with `docker context use default`"
        raise ConfigError(f"{source}: there is no docker context {name!r}", hint=hint)
    found = _parsed(text, path)
    certificates = f"{folder}/contexts/tls/{key}/docker"
    unverified = _of_docker(found, "SkipTLSVerify") is True
    secured = unverified or host.names(certificates, user=user)
    return Context(
        name, _host(found) or addresses.DEFAULT, source, tls(certificates, verify=not unverified) if secured else ""
    )


def every(host: Reader, folder: str) -> Iterator[Context]:
    """Yield all contexts that have an address. Contexts that cannot be read are skipped."""
    for name in host.names(f"{folder}/contexts/meta")[:MOST]:
        path = f"{folder}/contexts/meta/{name}/{META}"
        try:
            found = _parsed(host.read(path), path)
        except ProvisionerError:
            continue  # docker cannot use it either
        if (address := _host(found)) and isinstance(label := found.get("Name"), str):
            yield Context(label, address, f"context {label}")


def broken(host: Reader, folder: str, *, user: str = "") -> str:
    """Return the file of the first context that docker cannot read, or a folder with a slash; empty if it reads all.

    One such file makes every command fail that lists the contexts, and buildx lists them for each build. docker also
    looks into the folders of a context's folder. At most ``MOST`` folders are looked into.

    Raises: DeniedError if this user may not know.
    """
    known = host.uid == 0 or user in ("", host.user)  # what is denied to us is denied to the user
    top = f"{folder}/contexts/meta"
    waiting = deque([top])
    for _ in range(MOST):
        if not waiting:
            break
        where = waiting.popleft()
        path = f"{where}/"
        try:
            names = host.names(where, user=user)
            path = f"{where}/{META}"
            inside = where == top or host.directory(path, user)  # then only the folders in it are contexts
            text = None if inside else host.read(path, user=user)
            _listed(None if text is None else as_go.loads(text))
        except DeniedError:
            if not known:
                raise
            return path
        except (ValueError, RecursionError, ProvisionerError):
            return path
        below = (f"{where}/{name}" for name in names if name != META or inside)
        waiting += islice((path for path in below if host.link(path) is None), MOST)  # docker skips links to folders
    return ""


def _listed(found: Any) -> None:
    """Read a context as docker does when it lists all.

    Raises: ValueError if docker fails.
    """
    context = as_go.fields(found, {"Name": str, "Metadata": as_go.Pairs, "Endpoints": as_go.Pairs})
    for name, value in context["Metadata"]:
        as_go.typed(value, str if name == "Description" else object)
    for name, value in context["Endpoints"]:
        as_go.fields(value, ENDPOINTS.get(name, {}))


def _parsed(text: str | None, path: str) -> Mapping[str, Any]:
    """Parse one of docker's files as docker's decoder does: read the first value and ignore everything after it."""
    try:
        found = plain_json.first(text) if text and text.strip() else {}
    except (ValueError, RecursionError):
        raise ConfigError(f"{path}: this is not JSON", hint="docker refuses this context, too") from None
    return found if isinstance(found, dict) else {}


def _host(found: Any) -> str:
    """Return the address in a context's file, or an empty string."""
    said = _of_docker(found, "Host")
    return said if isinstance(said, str) and "\0" not in said else ""


def _of_docker(found: Any, field: str) -> Any:
    """Return a field of a context's ``docker`` endpoint, or None."""
    for key in ("Endpoints", "docker", field):
        found = found.get(key) if isinstance(found, dict) else None
    return found
