"""What we ship for Prometheus and Grafana."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.checks import formats
from tests.cases.results import DRIFT, failed, result
from tests.hosts import grafana

CHECKOUT = Path(__file__).parents[1]
MONITORING = CHECKOUT / "monitoring"


def promtool(*args: str) -> None:
    if not (tool := shutil.which("promtool")):
        pytest.skip("promtool is not installed (Debian: prometheus)")
    ran = subprocess.run((tool, *args), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_alerts_are_rules_and_fire_when_they_say() -> None:
    promtool("check", "rules", str(MONITORING / "alerts.yml"))
    promtool("test", "rules", str(MONITORING / "alerts_test.yml"))


@pytest.mark.host  # it fetches Grafana's models once
def test_grafana_s_own_models_understand_every_field_of_the_dashboard() -> None:
    text = (MONITORING / "dashboard.json").read_text()
    assert list(lost(json.loads(text), json.loads(grafana.understood(text)))) == []


def lost(said: Any, understood: Any, place: str = "") -> Iterator[str]:
    """Yield each place where the second value has not what the first one says."""
    if isinstance(said, dict) and isinstance(understood, dict):
        for key, value in said.items():
            yield from lost(value, understood.get(key, ...), f"{place}.{key}")
    elif isinstance(said, list) and isinstance(understood, list) and len(said) == len(understood):
        for number, pair in enumerate(zip(said, understood, strict=True)):
            yield from lost(*pair, f"{place}[{number}]")
    elif said != understood:
        yield f"{place}: {said!r} became {understood!r}"


def test_no_two_panels_of_the_dashboard_share_a_number_or_a_place() -> None:
    dashboard: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
    identifiers = [p["id"] for p in dashboard["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    squares = [
        (x, y)
        for g in (p["gridPos"] for p in dashboard["panels"])
        for x in range(g["x"], g["x"] + g["w"])
        for y in range(g["y"], g["y"] + g["h"])
    ]
    assert len(set(squares)) == len(squares), "panels overlap"


def test_the_alerts_and_the_dashboard_ask_only_for_metrics_that_there_are() -> None:
    pytest.importorskip("prometheus_client")
    said = "".join(formats.FORMATS["prometheus"](found, False) for found in (result(DRIFT), failed()))
    known = set(re.findall(r"^provisioner_\w+", said, re.MULTILINE))
    for name in ("alerts.yml", "dashboard.json"):
        text = (MONITORING / name).read_text()
        asked = set(re.findall(r"provisioner_[a-z_]+", text))
        assert asked <= known, name


def test_the_versions_that_are_compared_are_labels_that_metrics_have() -> None:
    pytest.importorskip("prometheus_client")
    said = formats.FORMATS["prometheus"](result(DRIFT), False)
    for name in ("alerts.yml", "dashboard.json"):
        text = (MONITORING / name).read_text().replace('\\"', '"')
        compared = set(re.findall(r'(provisioner_\w+)\{[^{}]*?(\w+_version)!=""[,}]', text))
        assert len(compared) == 3, name
        for metric, label in compared:
            assert re.search(rf'^{metric}\{{.*{label}="[^"]', said, re.MULTILINE), f"{name}: {metric}, {label}"


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    page = (CHECKOUT / "docs" / "runbooks.md").read_text()
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == [rule["alert"] for rule in rules]
    for rule in rules:
        assert rule["annotations"]["runbook_url"].endswith(f"/docs/runbooks.md#{rule['alert'].lower()}")


def test_every_alert_is_tested_to_fire() -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    tests = yaml.safe_load((MONITORING / "alerts_test.yml").read_text())["tests"]
    fired = {t["alertname"] for test in tests for t in test["alert_rule_test"] if t["exp_alerts"]}
    assert fired == {rule["alert"] for rule in rules}
