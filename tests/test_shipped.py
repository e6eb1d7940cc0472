"""The files beside the program: units, the journal's catalog, Ansible's fact, the manual page."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provisioner.cli import commandline, examples
from provisioner.cli.journald import EVENTS
from provisioner.errors import Exit
from provisioner.runs import writable
from release import manual
from tests.cases.results import DRIFT, result

CHECKOUT = Path(__file__).parents[1]
FACT = CHECKOUT / "ansible" / "roles" / "provisioner" / "files" / "provisioner.fact"
# What systemd-analyze security may say at most. recovered takes back what any apply has done, one by hand, too.
SCORES = {"check": "0.5", "repair": "1.5", "apply": "1.5", "recover": "1.5", "recovered": "5.0"}


def fact(path: Path) -> dict[str, Any]:
    ran = subprocess.run((sys.executable, "-I", str(FACT), str(path)), capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("name", SCORES)
def test_the_units_are_as_closed_as_they_say(tmp_path: Path, name: str) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / f"provisioner-{name}.service"
    unit.write_text((CHECKOUT / "systemd" / unit.name).read_text().replace("@PREFIX@", "/usr"))
    argv = (analyze, "security", "--offline=true", "--no-pager", str(unit))
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    score = re.search(r"Overall exposure level for \S+: (\d+\.\d)", said)
    assert score
    assert float(score.group(1)) <= float(SCORES[name])


@pytest.mark.parametrize("name", SCORES)
def test_each_unit_says_in_its_environment_which_it_is(name: str) -> None:
    """What it starts with otherwise, INVOCATION_ID for example, is inherited by whatever any unit starts."""
    text = (CHECKOUT / "systemd" / f"provisioner-{name}.service").read_text()
    assert re.findall(r"^Environment=(.*)$", text, re.MULTILINE) == [f"{writable.UNIT}=provisioner-{name}"]


def test_the_catalog_explains_every_event_and_no_other() -> None:
    text = (CHECKOUT / "systemd" / "provisioner.catalog").read_text()
    assert set(re.findall(r"^-- ([0-9a-f]{32})$", text, re.MULTILINE)) == {e.message_id for e in EVENTS.values()}
    assert text.count("\nSubject: ") == text.count("\nDefined-By: provisioner\n") == len(EVENTS)


def test_the_manual_page_and_the_guide_know_every_command() -> None:
    overview = dict(manual.pages())["man1/provisioner.1"].replace("\\-", "-")
    guide = (CHECKOUT / "docs/commands.md").read_text()
    for name in commandline.COMMANDS:
        assert f".BR provisioner-{name} (1)" in overview
        assert f"| `provisioner {name}" in guide or f", `provisioner {name}" in guide


def test_every_exit_status_is_wherever_they_are_listed() -> None:
    pages = {name: (CHECKOUT / "docs" / name).read_text() for name in ("design.md", "commands.md")}
    rows = {name: re.findall(r"^\| (\d+)(?= )|(\d+) [a-z]", text, re.MULTILINE) for name, text in pages.items()}
    listed = {name: {number for row in found for number in row if number} for name, found in rows.items()}
    listed["the manual"] = {status for status, _ in manual.STATUSES}
    listed["--help"] = set(re.findall(r"\b\d+\b", examples.STATUSES))
    for name, found in listed.items():
        assert {str(status) for word, status in vars(Exit).items() if word.isupper()} <= found, name


def test_drift_is_repaired_where_it_is_made_a_failure_of_the_unit() -> None:
    """OnSuccess= starts the repair, and such a check does not succeed."""
    text = (CHECKOUT / "systemd" / "examples" / "provisioner-check.service.d" / "tell.conf").read_text()
    lines = re.sub(r"^#(?=\w+=)", "", text, flags=re.MULTILINE).splitlines()
    assert "SuccessExitStatus=" in lines
    assert "OnFailure=provisioner-repair.service" in lines


def test_the_fact_is_the_last_check(tmp_path: Path) -> None:
    (tmp_path / "check.json").write_text(json.dumps(result({**DRIFT, "restarts": True})))
    found = fact(tmp_path / "check.json")
    assert (found["in_sync"], found["drifted"], found["restart_required"]) == (False, ["emulators: linux/arm64"], True)
    (tmp_path / "check.json").write_text(json.dumps(result()))
    assert fact(tmp_path / "check.json")["in_sync"] is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"schema_version": 3, "command": "check"}',
        '{"schema_version": 2, "command": "check"}',
        "[" * 99999,
    ],
)
def test_the_fact_never_fails_a_play(tmp_path: Path, text: str) -> None:
    (tmp_path / "check.json").write_text(text)
    assert fact(tmp_path / "check.json") == {}
    assert fact(tmp_path / "gone.json") == {}
