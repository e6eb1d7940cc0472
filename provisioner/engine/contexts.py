"""Docker's own configuration: the contexts of a user.

Facts: docker/cli's context store, ``<docker's configuration>/contexts/meta/<sha256 of the name>/meta.json``.
"""

from collections.abc import Iterator, Mapping

from provisioner.engine import addresses
from provisioner.errors import ConfigError, ProvisionerError
from provisioner.model import Reader
from provisioner.typed import Any, NamedTuple

TLS = "tls="


class Context(NamedTuple):
    """A context: its name, the address it leads to, and the file or variable that says so."""

    name: str
    address: str
    source: str
    tls: str = ""


def tls(folder: str, *, verify: bool) -> str:
    """The folder of the certificates and whether the engine's is verified, as the boundary takes it."""
    return f"{TLS}{folder}&verify={int(verify)}"


def folder(host: Reader) -> str:
    """The folder of docker's configuration of the user that we are."""
    return host.environ.get("DOCKER_CONFIG") or f"{_home(host)}/.docker"


def _home(host: Reader) -> str:
    """The home folder that docker takes, which asks nobody but the environment."""
    return host.environ.get("HOME") or host.environ.get("USERPROFILE", "").replace("\\", "/")


def unnamed(host: Reader) -> bool:
    """Whether nothing names a context or an address, told without a parser; False: it takes one to know."""
    if host.platform == "win32" or any(host.environ.get(name) for name in ("DOCKER_HOST", "DOCKER_CONTEXT")):
        return False
    return "currentContext" not in (host.read(f"{folder(host)}/config.json") or "")


def current(host: Reader, folder: str, *, user: str = "") -> str:
    """The context that config.json names; empty: none. Of a broken file docker warns, and goes on without it."""
    try:
        found = _parsed(host.read(f"{folder}/config.json", user=user), folder)
    except ProvisionerError:
        return ""
    named = [value for key, value in found.items() if key.lower() == "currentcontext" and isinstance(value, str)]
    return named[-1] if named else ""


def named(host: Reader, folder: str, name: str, source: str, *, user: str = "") -> Context:
    """The context of a name. ConfigError: it is not there, or its file is none."""
    import hashlib  # docker's own default has no file

    key = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    path = f"{folder}/contexts/meta/{key}/meta.json"
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
    """All contexts that have an address; one that cannot be read is none."""
    for name in host.names(f"{folder}/contexts/meta"):
        path = f"{folder}/contexts/meta/{name}/meta.json"
        try:
            found = _parsed(host.read(path), path)
        except ProvisionerError:
            continue  # docker cannot use it, either
        if (address := _host(found)) and isinstance(label := found.get("Name"), str):
            yield Context(label, address, f"context {label}")


def _parsed(text: str | None, path: str) -> Mapping[str, Any]:
    """A file of docker's, by its decoder's rule: the first value counts, and what stands behind it is not read."""
    import json

    try:
        found = json.JSONDecoder().raw_decode(text.strip())[0] if text and text.strip() else {}
    except (ValueError, RecursionError):
        raise ConfigError(f"{path}: this is not JSON", hint="docker refuses this context, too") from None
    return found if isinstance(found, dict) else {}


def _host(found: Any) -> str:
    """The address that a context's file has; empty: none."""
    said = _of_docker(found, "Host")
    return said if isinstance(said, str) and "\0" not in said else ""


def _of_docker(found: Any, field: str) -> Any:
    """A field of a context's endpoint for docker; None: it has none."""
    for key in ("Endpoints", "docker", field):
        found = found.get(key) if isinstance(found, dict) else None
    return found
