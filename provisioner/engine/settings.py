"""The settings of daemon.json as the earlier changes of a plan will leave them, and those of the daemon's flags."""

from collections.abc import Mapping

from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.text import as_go, command_line, tolerant
from provisioner.typed import Any


def file(host: Reader, path: str) -> str | None:
    """Return a file. None if there is none, or if this user may not read it."""
    try:
        return host.read(path)
    except ProvisionerError:
        return None


def text(host: Reader, facts: Facts) -> str:
    """Return daemon.json as it will be. Empty if there is none, or if this user may not read it."""
    if facts.planned is not None:
        return facts.planned
    return (file(host, facts.daemon_json) or "").removeprefix("\ufeff")


def every(host: Reader, facts: Facts) -> Mapping[str, Any]:
    """Return all settings of daemon.json. Empty if the file is broken, which other parts of a plan say."""
    return tolerant.mapping(text(host, facts))


def off(found: Mapping[str, Any], flags: tuple[str, ...], name: str) -> bool:
    """Return whether a setting that is on by default is switched off, by daemon.json or by a flag."""
    return found.get(name) is False or command_line.value(flags, f"--{name}") in as_go.FALSE


def on(found: Mapping[str, Any], flags: tuple[str, ...], name: str) -> bool:
    """Return whether a setting that is off by default is switched on, by daemon.json or by a flag."""
    said = (f"--{name}", *(f"--{name}={word}" for word in as_go.TRUE))
    return found.get(name) is True or any(flag in said for flag in flags)
