"""What forges run: a linter takes the workflows, and what they name is in the sources."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.hosts import parts
from tests.hosts.agent import CHECKOUT

FILES = sorted([*CHECKOUT.glob(".github/workflows/*.yml"), CHECKOUT / ".gitlab-ci.yml"])
FORMS = sorted([*CHECKOUT.glob(".github/ISSUE_TEMPLATE/*.yml"), CHECKOUT / ".github/dependabot.yml"])
MAKE = re.compile(r"\bmake ((?:[a-z]+ ?)+)")
PATH = re.compile(r"(?<![@/\w])(?:tests|docs)/[\w./-]+")


def name(path: Path) -> str:
    return path.name


@pytest.mark.host  # builds a program of Go's, the first time
def test_github_takes_the_workflows() -> None:
    files = [str(path) for path in FILES if path.parent.name == "workflows"]
    ran = subprocess.run((str(parts.actionlint()), *files), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout


@pytest.mark.parametrize("file", FILES, ids=name)
def test_what_a_forge_runs_is_in_the_sources(file: Path) -> None:
    text = file.read_text()
    assert yaml.safe_load(text)
    makefile = (CHECKOUT / "Makefile").read_text()
    for targets in MAKE.findall(text):
        for target in targets.split():
            assert f"\n{target}:" in makefile, target
    for path in PATH.findall(text):
        assert (CHECKOUT / path).exists(), path


@pytest.mark.parametrize("file", FORMS, ids=name)
def test_a_parser_takes_the_forms_of_the_forge(file: Path) -> None:
    """Only the parts that every file of its kind must have are judged. GitHub's own schema is not in the sources."""
    found = yaml.safe_load(file.read_text())
    if file.parent.name == "ISSUE_TEMPLATE" and file.name != "config.yml":
        assert {"name", "description", "body"} <= set(found)
        assert all(part["attributes"]["label"] and part["id"] for part in found["body"])


def test_the_workflow_tests_each_python_that_the_package_names() -> None:
    tested = yaml.safe_load((CHECKOUT / ".github/workflows/test.yml").read_text())["jobs"]["pythons"]
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (CHECKOUT / "pyproject.toml").read_text())
    assert set(named) <= set(tested["strategy"]["matrix"]["python"])
