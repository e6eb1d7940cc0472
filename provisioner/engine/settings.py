"""The settings of daemon.json as the earlier changes of a plan will leave them, and those of the daemon's flags."""

from collections.abc import Mapping

from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.text import command_line, tolerant
from provisioner.typed import Any

FALSE = frozenset(("0", "f", "F", "false", "FALSE", "False"))  # how Go writes it on a command line


def text(host: Reader, facts: Facts) -> str:
    """Return daemon.json as it will be. Empty if there is none, or if this user may not read it."""
    if facts.planned is not None:
        return facts.planned
    try:
        return (host.read(facts.daemon_json) or "").removeprefix("\ufeff")
    except ProvisionerError:
        return ""


def every(host: Reader, facts: Facts) -> Mapping[str, Any]:
    """Return all settings of daemon.json. Empty if the file is broken, which other parts of a plan say."""
    return tolerant.mapping(text(host, facts))


def off(found: Mapping[str, Any], flags: tuple[str, ...], name: str) -> bool:
    """Return whether a setting that is on by default is switched off, by daemon.json or by a flag."""
    return found.get(name) is False or command_line.value(flags, f"--{name}") in FALSE


def strings(found: Any) -> tuple[str, ...]:
    """Return a list of strings, without what is none. Any other type gives an empty tuple."""
    return tuple(v for v in found if isinstance(v, str)) if isinstance(found, list) else ()
