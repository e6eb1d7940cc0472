"""Docker's own configuration: contexts, and what ``sudo`` takes away of the user's own choice.

Facts: docker/cli's context store, ``<docker's configuration>/contexts/meta/<sha256 of the name>/meta.json``.
"""

from collections.abc import Iterator, Mapping

from provisioner.errors import ConfigError, ProvisionerError
from provisioner.model import Reader
from provisioner.typed import Any, NamedTuple

DEFAULT = "unix:///var/run/docker.sock"


class Context(NamedTuple):
    """A context: its name, the address it leads to, and the file or variable that says so."""

    name: str
    address: str
    source: str


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
    """The context that config.json names; empty: none."""
    path = f"{folder}/config.json"
    return str(_parsed(host.read(path, user=user), path).get("currentContext") or "")


def named(host: Reader, folder: str, name: str, source: str, *, user: str = "") -> Context:
    """The context of a name. ConfigError: it is not there, or its file is none."""
    import hashlib  # docker's own default has no file

    path = f"{folder}/contexts/meta/{hashlib.sha256(name.encode()).hexdigest()}/meta.json"
    text = host.read(path, user=user)
    if text is None:
        hint = "see `docker context ls`; leave it with `docker context use default`"
        raise ConfigError(f"{source}: there is no docker context {name!r}", hint=hint)
    return Context(name, _host(_parsed(text, path)) or DEFAULT, source)


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


def lost(host: Reader, address: str, source: str) -> str | None:
    """What the user chose before ``sudo``, which shows root nothing of it; None: nothing else than this address."""
    user = host.environ.get("SUDO_USER", "")
    account = host.account(user) if user and host.uid == 0 and source == "default" else None
    if account is None:
        return None
    try:
        chosen = _chosen(host, user, f"{account.home}/.docker")
    except ProvisionerError:
        return None  # then docker is in trouble there, too
    if chosen is None or chosen.address == address:
        return None
    return (
        f"this is {address}; {user} talks to {chosen.address} ({chosen.source}), and sudo does not pass that on:"
        f" --host {chosen.address} would"
    )


def _chosen(host: Reader, user: str, folder: str) -> Context | None:
    """Where the user's own shell leads: by what sudo was given, else by the current context."""
    before = _environment(host)
    if there := before.get("DOCKER_HOST"):
        return Context("default", there, "DOCKER_HOST")
    name = before.get("DOCKER_CONTEXT") or current(host, folder, user=user)
    return named(host, folder, name, f"context {name}", user=user) if name not in ("", "default") else None


def _environment(host: Reader) -> dict[str, str]:
    """The environment of the process that started us, which is sudo, and still has what it did not pass on."""
    words = (host.read("/proc/self/stat") or "").rpartition(")")[2].split()
    text = host.read(f"/proc/{words[1]}/environ") if len(words) > 1 else None
    return dict(word.split("=", 1) for word in (text or "").split("\0") if "=" in word)


def _parsed(text: str | None, path: str) -> Mapping[str, Any]:
    import json

    try:
        found = json.loads(text) if text and text.strip() else {}
    except (ValueError, RecursionError):
        raise ConfigError(f"{path}: it is no JSON", hint="docker would refuse it, too") from None
    return found if isinstance(found, dict) else {}


def _host(found: Any) -> str:
    """The address that a context's file has; empty: none."""
    for key in ("Endpoints", "docker", "Host"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) and "\0" not in found else ""
