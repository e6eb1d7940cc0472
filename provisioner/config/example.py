"""A commented configuration to start from, made from the schema so that it cannot go stale."""

import json
import textwrap
from typing import Any

from provisioner.config import schema


def configuration() -> str:
    """YAML: every key with its description and its default, the optional ones commented out.

    The first line is for editors, which then complete and check the file.
    """
    found = json.loads(schema.text())
    parts = [f"# yaml-language-server: $schema={found['$id']}\n# {found['description']}"]
    for name, rule in found["properties"].items():
        parts.append("\n".join(["", *_lines(name, rule, "")]))
    return "\n".join(parts)


def _lines(name: str, rule: dict[str, Any], indent: str) -> list[str]:
    comment = [f"{indent}# {line}" for line in textwrap.wrap(rule["description"], 100)]
    if "properties" in rule and "default" not in rule:
        inner = [line for key, sub in rule["properties"].items() for line in _lines(key, sub, indent + "  ")]
        return [*comment, f"{indent}{name}:", *inner]
    if "default" not in rule:
        return [*comment, f"{indent}# {name}:"]
    default = rule["default"]
    value = f"[{', '.join(default)}]" if isinstance(default, list) else json.dumps(default).strip('"')
    return [*comment, f"{indent}{name}: {value}"]
