"""What the schema cannot say of a builder's configuration: options that belong to a driver, nodes that fit together."""

from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.config import drivers
from provisioner.errors import ConfigError
from provisioner.platforms import table

# What is a table in every buildkitd.toml; "" stands for each key.
TABLES: Mapping[str, Any] = {"worker": {"oci": {}}, "registry": {"": {}}}


def checked(found: dict[str, Any], path: str) -> dict[str, Any]:
    """The section with its platforms normalised. ConfigError names the place and what would be right."""
    driver = found.get("driver", drivers.CONTAINER)
    for where, node in _nodes(found):
        for option in node.get("driver_options", {}):
            if drivers.since(driver, option) is None:
                known = ", ".join(drivers.DRIVERS[driver].options)
                more = ", env.NAME" if drivers.DRIVERS[driver].environment else ""
                message = f"{path}: {where}.driver_options.{option}: the driver {driver} has no such option"
                raise ConfigError(message, hint=f"its options are {known}{more}")
        if "platforms" in node:
            node["platforms"] = [_platform(p, f"{path}: {where}.platforms") for p in node["platforms"]]
        if driver == drivers.REMOTE and (node.get("flags") or node.get("buildkitd")):
            message = f"{path}: {where}: a remote buildkitd takes neither flags nor a configuration from here"
            raise ConfigError(message, hint="give them to that buildkitd where it runs")
    _toml(found.get("buildkitd", {}), f"{path}: builder.buildkitd", TABLES)
    nodes = found.get("nodes", [])
    if driver == drivers.REMOTE and not nodes:
        raise ConfigError(f"{path}: builder.nodes: the driver remote needs one", hint="nodes: [{endpoint: tcp://…}]")
    for index, node in enumerate(nodes):
        if driver != drivers.KUBERNETES and "endpoint" not in node:
            hint = "a context's name, ssh://user@host, or tcp://host:port"
            raise ConfigError(f"{path}: builder.nodes[{index}]: endpoint is missing", hint=hint)
    for key, values in (("endpoint", [n["endpoint"] for n in nodes if "endpoint" in n]), ("name", _names(found))):
        if twice := next((v for v in values if values.count(v) > 1), None):
            raise ConfigError(f"{path}: builder.nodes: the {key} {twice} stands twice", hint="one node, one endpoint")
    return found


def _names(found: Mapping[str, Any]) -> list[str]:
    """All nodes' names; buildx numbers those that have none, and the host's own is the first."""
    name, own = found.get("name", "container-builder"), found.get("driver", drivers.CONTAINER) != drivers.REMOTE
    more = [n.get("name") or f"{name}{number}" for number, n in enumerate(found.get("nodes", []), int(own))]
    return [*([drivers.first(name)] if own else []), *more]


def _nodes(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "builder", found
    yield from ((f"builder.nodes[{i}]", node) for i, node in enumerate(found.get("nodes", [])))


def _platform(name: str, where: str) -> str:
    try:
        return table.normalise(name)
    except ValueError as e:
        raise ConfigError(f"{where}: {e}", hint="for example linux/arm64") from None


def _toml(found: Any, where: str, tables: Mapping[str, Any] | None = None) -> None:
    """Refuse what cannot be said in TOML, and what is none of buildkitd's ``tables``."""
    if tables is not None and not isinstance(found, Mapping):
        raise ConfigError(f"{where}: this is a table of buildkitd.toml", hint="give it keys, or leave it out")
    if isinstance(found, Mapping):
        for key, value in found.items():
            _toml(value, f"{where}.{key}", (tables or {}).get(key, (tables or {}).get("")))
    elif isinstance(found, list):
        if len({isinstance(entry, Mapping) for entry in found}) > 1:
            raise ConfigError(f"{where}: TOML has no list of tables and others", hint="let all be mappings, or none")
        for index, entry in enumerate(found):
            _toml(entry, f"{where}[{index}]")
    elif found is None or found in (float("inf"), -float("inf")) or found != found:
        hint = "leave the key out, and BuildKit's own default counts"
        raise ConfigError(f"{where}: TOML has no word for {'null' if found is None else found}", hint=hint)
