"""The head of every JSON document: the host, the time and the version of this program."""

from provisioner import __version__
from provisioner.model import Reader
from provisioner.typed import Any

SCHEMA_VERSION = 2
HOSTNAME = "/proc/sys/kernel/hostname"


def head(host: Reader, command: str, name: str = "") -> dict[str, Any]:
    """Return the fields that start every document. ``name`` is the host's name as the engine reports it, if known."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "time": host.now(),
        "host": {"name": name or _name(host), "id": _id(host), "machine": host.machine},
        "agent": {"version": __version__},
    }


def _name(host: Reader) -> str:
    """Return the host's own name, in the same form as the engine reports it."""
    from provisioner.errors import ProvisionerError

    try:
        return (host.read(HOSTNAME) or "").strip() or _node()
    except ProvisionerError:
        return _node()


def _node() -> str:
    import platform

    return platform.node() or "unknown"


def _id(host: Reader) -> str | None:
    """Derive an identifier from the machine ID. systemd asks programs not to expose the machine ID itself."""
    from hashlib import sha256  # takes 3 ms to import; an answer on a terminal does not need it

    from provisioner.errors import ProvisionerError
    from provisioner.text.tolerant import encoded

    try:
        machine = (host.read("/etc/machine-id") or "").strip()
    except ProvisionerError:
        return None
    return sha256(encoded(f"provisioner {machine}")).hexdigest()[:32] if machine else None
