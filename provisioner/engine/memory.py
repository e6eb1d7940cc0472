"""What we remember of daemon.json: the leaves that are ours, and what stood there before."""

import json

from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.typed import Any


def path(host: Reader) -> str:
    """The file that says which leaves are ours."""
    return f"{host.state}/owned.json"


def owned(host: Reader, daemon_json: str) -> tuple[tuple[tuple[str, ...], Any], ...]:
    """The leaves of a daemon.json that are ours, each with the value that stood there before (None: nothing)."""
    try:
        found = json.loads(host.read(path(host)) or "{}").get(daemon_json, ())
    except (DeniedError, ValueError):
        return ()  # unknown, or no longer whole: then nothing is given back
    return tuple((tuple(keys), before) for keys, before in found)
