"""Whose answer a document is: the host, the time and the version of this program. The same in every document."""

from provisioner import __version__
from provisioner.model import Reader
from provisioner.typed import Any

SCHEMA_VERSION = 2
HOSTNAME = "/proc/sys/kernel/hostname"


def head(host: Reader, command: str, name: str = "") -> dict[str, Any]:
    """The fields with which every document begins. ``name``: what the engine calls the host, if it is known."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "time": host.now(),
        "host": {"name": name or _name(host), "id": _id(host), "machine": host.machine},
        "agent": {"version": __version__},
    }


def _name(host: Reader) -> str:
    """What the host calls itself, as the engine would say it."""
    from provisioner.errors import ProvisionerError

    try:
        return (host.read(HOSTNAME) or "").strip() or _node()
    except ProvisionerError:
        return _node()


def _node() -> str:
    import platform

    return platform.node() or "unknown"


def _id(host: Reader) -> str | None:
    """An identifier made from the machine's own: systemd asks programs never to show that as it is."""
    from hashlib import sha256  # 3 ms that an answer on a terminal need not pay

    from provisioner.errors import ProvisionerError

    try:
        machine = (host.read("/etc/machine-id") or "").strip()
    except ProvisionerError:
        return None
    return sha256(f"provisioner {machine}".encode()).hexdigest()[:32] if machine else None
