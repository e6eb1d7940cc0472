"""Grafana's own models of a dashboard, from its foundation SDK. pip fetches them into the cache."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from tests.hosts import progress, recipes
from tests.hosts.cache import kept

# Reads a dashboard from stdin into Grafana's models, and writes what they have understood of it.
SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
print(JSONEncoder().encode(Dashboard.from_json(json.load(sys.stdin))))
"""


def understood(dashboard: str) -> str:
    """Return a dashboard after Grafana's models have read and written it: a field that they do not know is gone."""
    wanted = f"grafana-foundation-sdk=={recipes.GRAFANA_SDK}"
    folder = kept("grafana-sdk", (wanted, sys.version), partial(_build, wanted))
    argv = (sys.executable, "-c", SCRIPT, str(folder))
    return subprocess.run(argv, input=dashboard, capture_output=True, text=True, check=True).stdout


def _build(wanted: str, into: Path) -> None:
    argv = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps")
    progress.run("grafana-sdk", (*argv, "--target", str(into), wanted), into.parent / "log", tries=progress.DOWNLOADS)
