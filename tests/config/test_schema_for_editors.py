"""What an editor needs of the schema: an address, descriptions, and every platform to choose from."""

import json
from typing import Any

from provisioner.config import example, schema
from provisioner.platforms import table
from release import layout

SCHEMA: dict[str, Any] = json.loads(schema.text())


def settings(rule: dict[str, Any], path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every setting below a rule, with its path."""
    found = []
    for name, inner in {**rule.get("properties", {}), **rule.get("items", {}).get("properties", {})}.items():
        found += [(f"{path}{name}", inner), *settings(inner, f"{path}{name}.")]
    return found


def test_every_setting_is_described_or_says_where_it_is() -> None:
    for path, rule in settings(SCHEMA):
        assert "description" in rule or "$ref" in rule, path


def test_every_platform_that_there_is_can_be_completed() -> None:
    offered = SCHEMA["properties"]["platforms"]["items"]["examples"]
    assert offered == list(table.PLATFORMS)


def test_the_schema_has_an_address_and_a_new_configuration_names_it() -> None:
    assert SCHEMA["$id"].startswith(layout.url())
    first = example.configuration().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA['$id']}"
