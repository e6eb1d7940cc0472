"""The keys of daemon.json that we have set, and the values before."""

import json

from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.typed import Any


def path(host: Reader) -> str:
    """Return the path of the file that records which keys are ours."""
    return f"{host.state}/owned.json"


def owned(host: Reader, daemon_json: str) -> tuple[tuple[tuple[str, ...], Any], ...]:
    """Return the keys of a daemon.json that are ours, each with the value before (None if the key was not set)."""
    try:
        found = json.loads(host.read(path(host)) or "{}").get(daemon_json, ())
    except (DeniedError, ValueError):
        return ()  # unknown or damaged, so no earlier value is restored
    return tuple((tuple(keys), before) for keys, before in found)
