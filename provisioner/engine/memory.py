"""The keys of daemon.json that we have set, with the values before, and the record of what applies have made.

The record is written to ``/etc/provisioner`` when an apply ends, so that it outlives the history.
"""

from collections.abc import Mapping

from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.text import tolerant
from provisioner.typed import Any, TypeAlias

STORES = ("containerd-snapshotter", "UseContainerdSnapshotter", "useContainerdSnapshotter")  # not of `daemon:`
OWNED = "owned.json"
Builders: TypeAlias = Mapping[str, tuple[str, ...]]  # the users of each, by name


def path(host: Reader) -> str:
    """Return the path of the file that records which keys are ours."""
    return f"{host.state}/{OWNED}"


def owned(host: Reader, daemon_json: str) -> tuple[tuple[tuple[str, ...], Any], ...]:
    """Return the keys of a daemon.json that are ours, each with the value before (None if the key was not set).

    If the history is lost, the record of what applies have made tells the keys, but no earlier values.
    """
    try:
        text = host.read(path(host))
        if text is None:
            return _recorded(host, daemon_json)
        found = tolerant.mapping(text).get(daemon_json, ())
        return tuple((tuple(map(str, keys)), before) for keys, before in found if isinstance(keys, list) and keys)
    except (ProvisionerError, ValueError, TypeError):
        return ()  # unknown or damaged, so no earlier value is restored


def _recorded(host: Reader, daemon_json: str) -> tuple[tuple[tuple[str, ...], Any], ...]:
    """Return the keys that the record names. The earlier values are lost with the history."""
    known = record(host) or {}
    files = known.get("settings")
    rows = files.get(daemon_json) if isinstance(files, dict) else None
    if not isinstance(rows, dict) or all(any(f'"{store}"' in keys for store in STORES) for keys in rows):
        return ()
    from provisioner.engine import traces  # few hosts have lost their history

    return tuple((keys, None) for keys in traces.unchanged(host, known, daemon_json) if keys[-1] not in STORES)


def record_path(host: Reader) -> str:
    """Return the path of the record: the host's, or the user's for a rootless engine."""
    if host.state == "/var/lib/provisioner":
        return "/etc/provisioner/made.json"
    return f"{host.environ.get('XDG_CONFIG_HOME') or host.home + '/.config'}/provisioner/made.json"


def record(host: Reader) -> dict[str, Any] | None:
    """Return the record, or None if there is none that can be read. A damaged one is empty."""
    try:
        text = host.read(record_path(host))
    except ProvisionerError:
        return None
    return None if text is None else dict(tolerant.mapping(text))


def engines(host: Reader) -> tuple[str, ...]:
    """Return the engines that the record names."""
    found = (record(host) or {}).get("builders")
    return tuple(found) if isinstance(found, dict) else ()


def builders(host: Reader, engine: str) -> Builders:
    """Return the builders that applies have made on an engine, as far as the record or the history says."""
    found = (record(host) or {}).get("builders")
    if found is None:
        from provisioner.engine import traces  # an older provisioner kept no record

        return traces.told(host, engine)
    rows = found.get(engine) if isinstance(found, dict) else None
    users = rows.items() if isinstance(rows, dict) else ()
    return {str(name): tuple(map(str, of)) for name, of in users if isinstance(of, list) and name[:1].isalnum()}
