"""The login that docker would use for a registry, as the header that the engine takes with a request.

Sources: docker/cli config/configfile and config/credentials; moby's registry.AuthConfig.
"""

import base64
import json
from collections.abc import Mapping

from provisioner import secrets
from provisioner.builder import store
from provisioner.errors import ProvisionerError
from provisioner.model import Account, Reader
from provisioner.typed import Any

HUB = "https://index.docker.io/v1/"  # docker's name for Docker Hub in its configuration
TOKEN = "<token>"  # noqa: S105  # a helper's user name if the secret is a token


def registry(image: str) -> str:
    """Return the registry of an image, as docker's configuration names it."""
    first, slash, _ = image.partition("/")
    own = slash and ("." in first or ":" in first or first == "localhost")
    return first if own and first not in ("docker.io", "index.docker.io") else HUB


def path(host: Reader, account: Account) -> str:
    """Return the file of a user's docker configuration."""
    return f"{store.of(host, account).docker}/config.json"


def configuration(host: Reader, account: Account) -> Mapping[str, Any]:
    """Return a user's docker configuration. Empty if docker itself would complain about it and go on."""
    try:
        found = json.loads(host.read(path(host, account), user=account.name) or "{}")
    except (ProvisionerError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def helper(found: Mapping[str, Any], where: str) -> str:
    """Return the program that keeps the login of a registry, or an empty string if the file itself keeps it."""
    own = found.get("credHelpers")
    name = (own.get(where) if isinstance(own, dict) else None) or found.get("credsStore")
    return f"docker-credential-{name}" if name and isinstance(name, str) and "/" not in name else ""


def header(host: Reader, account: Account | None, image: str) -> str:
    """Return the value of X-Registry-Auth for an image. Empty if the user has no login there."""
    if account is None:
        return ""
    found, where = configuration(host, account), registry(image)
    program = helper(found, where)
    login = _helped(host, account, program, where) if program else _written(found, where)
    if not login:
        return ""
    secrets.learn({"password": [v for k, v in login.items() if k != "username"]})
    text = json.dumps({**login, "serveraddress": where})
    return base64.urlsafe_b64encode(text.encode()).decode()


def _helped(host: Reader, account: Account, program: str, where: str) -> dict[str, str]:
    """Ask a credential helper, as the user whose login it keeps."""
    ran = host.ask(program, "get", text=where, user=account.name)
    try:
        said = json.loads(ran.stdout)
        user, secret = str(said["Username"]), str(said["Secret"])
    except (ValueError, KeyError, TypeError):
        return {}
    return {"identitytoken": secret} if user == TOKEN else {"username": user, "password": secret}


def _written(found: Mapping[str, Any], where: str) -> dict[str, str]:
    """Return the login that ``docker login`` wrote into the file."""
    every = found.get("auths")
    rows = {_host(k): v for k, v in every.items()} if isinstance(every, dict) else {}
    row = rows.get(_host(where))
    if not isinstance(row, dict):
        return {}
    if token := row.get("identitytoken"):
        return {"identitytoken": str(token)}
    try:
        user, _, secret = base64.b64decode(str(row.get("auth") or "")).decode().partition(":")
    except ValueError:
        return {}
    return {"username": user, "password": secret.rstrip("\0")} if user else {}


def _host(key: str) -> str:
    """Return the host of a registry's key, which may be a whole address."""
    return key.partition("://")[2].partition("/")[0] if "://" in key else key.partition("/")[0]
