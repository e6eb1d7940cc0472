"""Read YAML strictly: what a lenient reader would lose is an error here. A check of known text never imports this."""

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
