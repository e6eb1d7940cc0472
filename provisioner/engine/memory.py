"""The keys of daemon.json that we have set, and the values before."""

from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.text import tolerant
from provisioner.typed import Any


def path(host: Reader) -> str:
    """Return the path of the file that records which keys are ours."""
    return f"{host.state}/owned.json"


def owned(host: Reader, daemon_json: str) -> tuple[tuple[tuple[str, ...], Any], ...]:
    """Return the keys of a daemon.json that are ours, each with the value before (None if the key was not set)."""
    try:
        found = tolerant.mapping(host.read(path(host))).get(daemon_json, ())
        return tuple((tuple(map(str, keys)), before) for keys, before in found)
    except (ProvisionerError, ValueError, TypeError):
        return ()  # unknown or damaged, so no earlier value is restored
