"""Read YAML strictly: anything that a lenient parser would drop, or that JSON cannot hold, is an error.

A check of a known text never imports this module.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from provisioner import secrets

START = "`provisioner init` prints a configuration to start from"
# PyYAML's messages for frequent mistakes, and our messages and hints for them.
EXPLAINED = (
    ("cannot start any token", "\\t", "a tab cannot be used here", "indent with spaces"),
    ("found another document", "", "the file holds two documents", "remove the line `---` and what follows it"),
    ("expected <block end>", "", "this line does not fit the lines above it", "check the indentation"),
    ("mapping values are not allowed here", "", "this line does not fit the line above it",
     "check the indentation, or quote a text that contains a colon"),
    ("expected ',' or", "", "a list or mapping is not closed", "add the missing comma or bracket"),
    ("could not find expected ':'", "", "a key has no colon", "write `key: value`"),
    ("found unexpected end of stream", "", "a quoted text is not closed", "add the missing quote"),
)  # fmt: skip


class Broken(NamedTuple):
    """Why a text is not valid. ``line`` and ``column`` count from 1; 0 means unknown."""

    message: str
    hint: str
    line: int = 0
    column: int = 0


class _Strict(yaml.SafeLoader):
    """PyYAML's safe loader, except that it rejects duplicate keys and aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark: Any = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases cannot be used", problem_mark=mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} is not a text", problem_mark=key_node.start_mark)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} appears twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _refuse(_: _Strict, node: yaml.Node) -> Any:
    """Reject dates, bytes and sets: a value for daemon.json must be valid JSON."""
    kind = node.tag.rpartition(":")[2]
    raise yaml.MarkedYAMLError(problem=f"YAML reads this as a {kind}: quote it", problem_mark=node.start_mark)


def _number(loader: _Strict, node: yaml.ScalarNode) -> float:
    found = float(loader.construct_yaml_float(node))
    return found if math.isfinite(found) else _refuse(loader, node)


for _kind in ("timestamp", "binary", "set", "omap", "pairs"):
    _Strict.add_constructor(f"tag:yaml.org,2002:{_kind}", _refuse)
_Strict.add_constructor("tag:yaml.org,2002:float", _number)


def judge(source: str) -> tuple[dict[str, Any], Mapping[tuple[str | int, ...], tuple[int, int]], Broken | None]:
    """Parse a YAML text.

    Returns: the mapping, the line and column of each of its places, and the error if the text is not valid.
    """
    try:
        loader = _Strict(source)
        try:
            node = loader.get_single_node()
            found = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as e:
        return {}, {}, _broken(e)
    except yaml.reader.ReaderError as e:
        line = source.count("\n", 0, e.position) + 1
        message = f"the character {e.character!r} cannot be used" if isinstance(e.character, str) else "not UTF-8 text"
        return {}, {}, Broken(f"the file is not text: {message}", "save it as UTF-8", line, 1)
    except (yaml.YAMLError, RecursionError, ValueError) as e:
        return {}, {}, Broken(f"the file is not YAML: {' '.join(str(e).split())}", "save it as UTF-8 text")
    if node is None or found is None:
        return {}, {}, None
    if not isinstance(found, dict):
        return {}, {}, Broken("the file must hold keys and values", START, 1, 1)
    if secrets.suspicious(source):
        secrets.learn(found)
    return found, dict(_marks(node, ())), None


def _broken(error: yaml.MarkedYAMLError) -> Broken:
    """Return our message and hint for a mistake that PyYAML found."""
    mark, problem = error.problem_mark, error.problem or error.context or "it is not YAML"
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    for words, more, message, hint in EXPLAINED:
        if words in problem and more in problem:
            return Broken(message, hint, line, column)
    return Broken(problem, START, line, column)


def _marks(node: yaml.Node, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], tuple[int, int]]]:
    """Yield each place of a document with its line and column. A value of a mapping has the position of its key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            yield inner, (key.start_mark.line + 1, key.start_mark.column + 1)
            yield from _marks(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*place, index), (value.start_mark.line + 1, value.start_mark.column + 1)
            yield from _marks(value, (*place, index))
