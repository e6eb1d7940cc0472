"""Rules for a builder that the schema cannot express: the options of each driver, and nodes that fit together."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.config import drivers, references
from provisioner.config.problems import Place, Problem, suggestion

# The tables that every buildkitd.toml may have. The key "" stands for any name.
TABLES: Mapping[str, Any] = {"worker": {"oci": {}}, "registry": {"": {}}}


def problems(found: Mapping[str, Any]) -> Iterator[Problem]:
    """Find everything that is wrong with a ``builder`` section that already matches the schema."""
    driver = found.get("driver", drivers.CONTAINER)
    for place, node in sections(found):
        yield from _options(driver, node, place)
        if driver == drivers.REMOTE and (node.get("flags") or node.get("buildkitd")):
            message = "a remote buildkitd takes neither flags nor a configuration from here"
            yield Problem(place, message, "configure that buildkitd where it runs")
        if driver == drivers.KUBERNETES:
            yield from _cluster(node.get("driver_options", {}), (*place, "driver_options"))
    for key in ("kubeconfig", "context"):
        if found.get(key) and driver != drivers.KUBERNETES:
            yield Problem(("builder", key), "only the driver kubernetes has one", "leave it out")
    yield from _toml(found.get("buildkitd", {}), ("builder", "buildkitd"), TABLES)
    yield from _registries(found.get("buildkitd", {}))
    yield from _nodes(found, driver)


def sections(found: Mapping[str, Any]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Return the builder's own section and each of its nodes, with their places."""
    yield ("builder",), found
    yield from ((("builder", "nodes", i), node) for i, node in enumerate(found.get("nodes", [])))


def _options(driver: str, node: Mapping[str, Any], place: Place) -> Iterator[Problem]:
    known = list(drivers.DRIVERS[driver].options)
    more = ", env.NAME" if drivers.DRIVERS[driver].environment else ""
    for option, value in node.get("driver_options", {}).items():
        where = (*place, "driver_options", option)
        if drivers.since(driver, option) is None:
            guess = suggestion(option, known)
            hint = f"{guess + ' ' if guess else ''}Its options are {', '.join(known)}{more}"
            yield Problem(where, f"the driver {driver} has no such option", hint)
        elif option == "image" and (wrong := references.image(value)):
            yield Problem(where, wrong, f"for example {drivers.IMAGE}")


def _cluster(options: Mapping[str, str], place: Place) -> Iterator[Problem]:
    """Find values that buildx or the cluster would reject or misread."""
    for option, value in options.items():
        pattern, example = drivers.VALUES.get(option, ("", ""))
        if pattern and not re.fullmatch(pattern, value):
            yield Problem((*place, option), f"`{value}` is not what {option} takes", f"for example {example}")


def _nodes(found: Mapping[str, Any], driver: str) -> Iterator[Problem]:
    nodes, place = found.get("nodes", []), ("builder", "nodes")
    if driver == drivers.REMOTE and not nodes:
        yield Problem(place, "the driver remote needs a node", "nodes: [{endpoint: tcp://buildkit.example.net:1234}]")
    for index, node in enumerate(nodes):
        if driver != drivers.KUBERNETES and "endpoint" not in node:
            hint = "a docker context, ssh://user@host or tcp://host:port"
            yield Problem((*place, index), "endpoint is missing", hint)
    for key, values in (("endpoint", [n["endpoint"] for n in nodes if "endpoint" in n]), ("name", _names(found))):
        for twice in sorted({v for v in values if values.count(v) > 1}):
            yield Problem(place, f"the {key} {twice} appears twice", f"each node needs its own {key}")


def _names(found: Mapping[str, Any]) -> list[str]:
    """Return the names of all nodes. buildx numbers the nodes without a name, and this host's own node comes first."""
    name, own = found.get("name", "container-builder"), found.get("driver", drivers.CONTAINER) != drivers.REMOTE
    more = [n.get("name") or f"{name}{number}" for number, n in enumerate(found.get("nodes", []), int(own))]
    return [*([drivers.first(name)] if own else []), *more]


def _registries(buildkitd: Mapping[str, Any]) -> Iterator[Problem]:
    tables = buildkitd.get("registry")
    for name, table in tables.items() if isinstance(tables, Mapping) else ():
        place: Place = ("builder", "buildkitd", "registry", name)
        if wrong := references.registry(str(name)):
            yield Problem(place, wrong, "for example docker.io or registry.example.net:5000")
        mirrors = table.get("mirrors") if isinstance(table, Mapping) else None
        for index, mirror in enumerate(mirrors if isinstance(mirrors, list) else []):
            host = str(mirror) if "://" in str(mirror) else str(mirror).partition("/")[0]
            if wrong := references.registry(host):
                yield Problem((*place, "mirrors", index), wrong, "BuildKit takes host[:port][/path], without https://")


def _toml(found: Any, place: Place, tables: Mapping[str, Any] | None = None) -> Iterator[Problem]:
    """Find values that TOML cannot express, and values where buildkitd expects a table."""
    if tables is not None and not isinstance(found, Mapping):
        yield Problem(place, "this is a table of buildkitd.toml", "give it keys, or leave it out")
    elif isinstance(found, Mapping):
        for key, value in found.items():
            yield from _toml(value, (*place, key), (tables or {}).get(key, (tables or {}).get("")))
    elif isinstance(found, list):
        if len({isinstance(entry, Mapping) for entry in found}) > 1:
            yield Problem(place, "a list in TOML holds either tables or values", "make all entries mappings, or none")
        for index, entry in enumerate(found):
            if isinstance(entry, list) and any(isinstance(e, Mapping) for e in entry):
                yield Problem((*place, index), "TOML has no list of lists of tables", "make it one list of mappings")
            else:
                yield from _toml(entry, (*place, index))
    elif found is None or found in (float("inf"), -float("inf")) or found != found:
        hint = "leave the key out, so that BuildKit's own default applies"
        yield Problem(place, f"TOML cannot express {'null' if found is None else found}", hint)
