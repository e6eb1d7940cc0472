"""Read YAML strictly: what a lenient reader would lose, or JSON cannot hold, is an error here.

A check of known text never imports this.
"""

import math
from typing import Any

import yaml

from provisioner.errors import ConfigError


class _Strict(yaml.SafeLoader):
    """PyYAML's safe loader, which refuses what it would otherwise lose: keys that stand twice; and aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="aliases are not taken", problem_mark=parent.start_mark if parent else None
            )
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} is no string", problem_mark=key_node.start_mark)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _refuse(_: _Strict, node: yaml.Node) -> Any:
    """Dates, bytes, sets: what is meant for daemon.json has to be JSON."""
    kind = node.tag.rpartition(":")[2]
    raise yaml.MarkedYAMLError(problem=f"to YAML this is a {kind}: quote it", problem_mark=node.start_mark)


def _number(loader: _Strict, node: yaml.ScalarNode) -> float:
    found = float(loader.construct_yaml_float(node))
    return found if math.isfinite(found) else _refuse(loader, node)


for _kind in ("timestamp", "binary", "set", "omap", "pairs"):
    _Strict.add_constructor(f"tag:yaml.org,2002:{_kind}", _refuse)
_Strict.add_constructor("tag:yaml.org,2002:float", _number)


def read(source: str, path: str, limit: int) -> dict[str, Any]:
    """The mapping that a YAML text holds; empty for an empty text. ConfigError names line and column."""
    if len(source) > limit:
        raise ConfigError(f"{path}: it is larger than {limit} bytes", hint="is it the right file?")
    try:
        found = yaml.load(source, _Strict)  # noqa: S506  # _Strict is a SafeLoader
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}: {e.problem}{where}", hint="`provisioner init` prints one to start from") from None
    except (yaml.YAMLError, RecursionError, ValueError) as e:
        problem = " ".join(str(e).split())
        raise ConfigError(f"{path}: it is no YAML: {problem}", hint="save it as UTF-8 text") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: it holds no mapping", hint="`provisioner init` prints one to start from")
    return found
