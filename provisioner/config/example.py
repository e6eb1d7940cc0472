"""A commented example configuration, generated from the schema so that it stays up to date."""

import json
import textwrap
from typing import Any

from provisioner.config import schema


def configuration() -> str:
    """Return YAML with every key, its description and its default. Optional keys are commented out.

    The first line tells editors which schema to use for completion and validation.
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
