"""The login that docker would use for a registry, as the header that the engine takes with a request.

Sources: docker/cli config/configfile and config/credentials; moby's registry.AuthConfig.
"""

import base64
import contextlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from provisioner import secrets
from provisioner.builder import store
from provisioner.engine.info import version
from provisioner.errors import ProvisionerError
from provisioner.model import Account, Reader
from provisioner.text import as_go

HUB = "https://index.docker.io/v1/"  # docker's name for Docker Hub in its configuration
TOKEN = "<token>"  # noqa: S105  # a helper's user name if the secret is a token
NONE_KEPT = "credentials not found in native keychain"  # a helper's answer where it has no login
ENVIRONMENT = "DOCKER_AUTH_CONFIG"
KNOWS_ENVIRONMENT = (28, 3)  # the first docker that reads it
FAILS = (29,)  # the first docker whose pull fails where a helper does; older ones pull without a login
FIELDS = {"auths": as_go.Pairs, "credsStore": str, "credHelpers": as_go.Pairs}
FORMATS = "ps images networks plugins volumes stats services tasks secret config nodes serviceInspect"
EVERY = {
    **FIELDS,
    **dict.fromkeys((f"{name}Format" for name in FORMATS.split()), str),
    **dict.fromkeys(("detachKeys", "currentContext"), str),
    **dict.fromkeys(("pruneFilters", "cliPluginsExtraDirs"), list),
    **dict.fromkeys(("HttpHeaders", "proxies", "plugins", "aliases", "features"), as_go.Pairs),
}
LOGIN = dict.fromkeys(("username", "password", "auth", "identitytoken", "registrytoken"), str)


def registry(image: str) -> str:
    """Return the registry of an image, as docker's configuration names it."""
    first, slash, _ = image.partition("/")
    own = slash and ("." in first or ":" in first or first == "localhost")
    return first if own and first not in ("docker.io", "index.docker.io") else HUB


def path(host: Reader, account: Account) -> str:
    """Return the file of a user's docker configuration."""
    return f"{store.of(host, account).docker}/config.json"


def configuration(host: Reader, account: Account) -> Mapping[str, Any]:
    """Return what a user's docker configuration says about logins. docker warns of what is broken, and goes on.

    If a field has another type, docker does not decode what ``docker login`` wrote.
    """
    try:
        text = as_go.first(host.read(path(host, account), user=account.name) or "{}")
        found = as_go.fields(text, FIELDS, lenient=True)
    except (ProvisionerError, ValueError, RecursionError):
        return {}
    with contextlib.suppress(ValueError):
        as_go.fields(text, EVERY)
        return found
    plain = ((key, _without(row)) for key, row in found["auths"])
    return {**found, "auths": as_go.Pairs(plain)}


def helper(found: Mapping[str, Any], where: str) -> str:
    """Return the program that keeps the login of a registry, or an empty string if the file itself keeps it."""
    own = dict(found.get("credHelpers", ()))
    name = own[where] if where in own else found.get("credsStore")
    return f"docker-credential-{name}" if name and isinstance(name, str) and "/" not in name else ""


def header(host: Reader, account: Account | None, image: str) -> str:
    """Return the value of X-Registry-Auth for an image. Empty if the user has no login there."""
    if account is None:
        return ""
    found, where = configuration(host, account), registry(image)
    login: Mapping[str, str] = environment(host, account, where)
    if not login:
        program = helper(found, where)
        login = asked(host, account, program, where).login if program else _written(found, where)
    if not login:
        return ""
    secrets.learn({"password": [v for k, v in login.items() if k != "username"]})
    text = json.dumps({**login, "serveraddress": where})
    return base64.urlsafe_b64encode(text.encode()).decode()


def environment(host: Reader, account: Account, where: str) -> dict[str, str]:
    """Return the login that DOCKER_AUTH_CONFIG has for a registry, if it is this user's own environment.

    docker ignores a value in which anything is unknown or broken.
    """
    text = host.environ.get(ENVIRONMENT, "") if account.name == host.user else ""
    if not text or not since(host, KNOWS_ENVIRONMENT):
        return {}
    try:
        every = _only(as_go.loads(text), "auths", as_go.Pairs)
        logins = {name: _pair(_only(row, "auth", str)) for name, row in every}
    except (ValueError, RecursionError):
        return {}
    return logins.get(where, {}) if all(logins.values()) else {}


class Asked(NamedTuple):
    """What a credential helper answered: a login, or why it failed. Neither: it has no login."""

    login: Mapping[str, str] = MappingProxyType({})
    problem: str = ""


def asked(host: Reader, account: Account, program: str, where: str) -> Asked:
    """Ask a credential helper, as the user whose login it keeps."""
    ran = host.ask(program, "get", text=where, user=account.name)
    if ran.status != 0:
        texts = (ran.stdout.strip(), ran.error.strip(), f"it ended with status {ran.status}")
        said = next(text for text in texts if text and "{" not in text)  # an object holds the secret
        return Asked() if said == NONE_KEPT else Asked(problem=said.splitlines()[0])
    try:
        said = json.loads(ran.stdout)
        user, secret = str(said["Username"]), str(said["Secret"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return Asked(problem="it answers with something else than a login")
    return Asked({"identitytoken": secret} if user == TOKEN else {"username": user, "password": secret})


def since(host: Reader, first: tuple[int, ...]) -> bool:
    """Return whether docker's command line has this version or a newer one. One without a number counts as new."""
    words = host.ask("docker", "--version").stdout.replace(",", " ").split()
    number = next(filter(None, map(version, words)), None)
    return number is None or number >= first


def _only(found: Any, name: str, kind: type) -> Any:
    """Return the one field that a struct may have.

    Raises: ValueError if it has another one, or the field has another type.
    """
    for other, _ in as_go.typed(found, as_go.Pairs):
        if other.casefold() != name:
            raise ValueError(other)
    return as_go.fields(found, {name: kind})[name]


def _pair(text: str) -> dict[str, str]:
    """Return the login in a field ``auth``; empty if it is none."""
    try:
        user, colon, secret = as_go.decoded(text).decode().partition(":")
    except ValueError:
        return {}
    return {"username": user, "password": secret.strip("\0")} if user and colon else {}


def _written(found: Mapping[str, Any], where: str) -> dict[str, str]:
    """Return the login that ``docker login`` wrote into the file."""
    every = dict(found.get("auths", ()))
    key = where if where in every else next((key for key in every if _host(key) == where), "")
    try:
        row = as_go.fields(every.get(key), LOGIN, lenient=True)
    except ValueError:
        return {}
    if row["auth"] and not _pair(row["auth"]):
        return {}
    kept = {**row, **_pair(row["auth"])}
    return {name: kept[name] for name in LOGIN if name != "auth" and kept[name]}


def _without(row: Any) -> Any:
    """Return a row of ``auths`` without the field that docker has to decode."""
    return as_go.Pairs((k, v) for k, v in row if k.casefold() != "auth") if isinstance(row, as_go.Pairs) else row


def _host(key: str) -> str:
    """Return the host of a registry's key, which may be a whole address."""
    return key.partition("://")[2].partition("/")[0] if "://" in key else key.partition("/")[0]
