"""The history of applies, and what going back would do."""

import json
from pathlib import Path

import pytest

from provisioner.cli import past
from provisioner.cli.commands import history, rollback
from provisioner.cli.options import Arguments
from provisioner.config.desired import Desired
from provisioner.errors import UsageError
from provisioner.host import System
from provisioner.runs.journal import Journal
from provisioner.steps.files import RemoveFile


@pytest.fixture
def host(tmp_path: Path) -> System:
    """A host with three applies: one that stands, one that was undone, one that stands."""
    system = System(str(tmp_path), {})
    system.uid = 0
    system.make_directories("/var/lib", 0o755)
    for number, outcome in ((1, "converged"), (2, "undone"), (3, "converged")):
        book = Journal(system, number)
        book.begin("0.1.0", Desired(), ())
        book.step(RemoveFile(f"/etc/{number}"), (RemoveFile(f"/etc/undo-{number}"),))
        book.end(outcome)
    return system


def test_entries_are_listed_newest_first(host: System) -> None:
    found = past.entries(host)
    assert found is not None
    assert [(e["number"], e["outcome"]) for e in found] == [(3, "converged"), (2, "undone"), (1, "converged")]
    said = history.run(host, Arguments(entry=None, format="text")).text.splitlines()
    assert said[0].split() == ["N", "WHEN", "OUTCOME", "CHANGED"]
    assert said[1].split()[0] == "3"


def test_an_entry_that_left_something_as_it_was_is_called_blocked_as_everywhere_else(host: System) -> None:
    book = Journal(host, 4)
    book.begin("0.1.0", Desired(), ())
    book.end("held")  # a receipt keeps the word that older versions read
    assert (past.entries(host) or [])[0]["outcome"] == "blocked"
    assert "blocked" in history.run(host, Arguments(entry=4, format="text")).text
    asked = Arguments(receipt=4, format="json", plan=True, accept=False, overdue=False)
    assert json.loads(rollback.run(host, asked).text)["would_undo"][0]["outcome"] == "blocked"


def test_one_entry_says_what_undoes_it(host: System) -> None:
    said = history.run(host, Arguments(entry=1, format="text")).text
    assert "  - remove /etc/undo-1" in said
    found = json.loads(history.run(host, Arguments(entry=1, format="json")).text)
    assert found["entries"][0]["undo"] == [{"kind": "remove-file", "does": "remove /etc/undo-1"}]
    with pytest.raises(UsageError, match="no entry 7"):
        history.run(host, Arguments(entry=7, format="text"))


def test_a_plan_of_a_rollback_has_what_stands_newest_first(host: System) -> None:
    plan = {"plan": True, "accept": False, "overdue": False}
    found = json.loads(rollback.run(host, Arguments(receipt=1, format="json", **plan)).text)
    assert [run["number"] for run in found["would_undo"]] == [3, 1]
    assert [step["kind"] for step in found["would_undo"][0]["steps"]] == ["remove-file"]
    said = rollback.run(host, Arguments(receipt=None, format="text", **plan)).text
    assert said.startswith("undo entry 3 of ")
    assert said.endswith("Docker is not restarted")


def test_what_a_rollback_cannot_undo_can_be_accepted(host: System) -> None:
    asked = {"plan": False, "accept": True, "overdue": False, "format": "text"}
    said = rollback.run(host, Arguments(receipt=3, **asked)).text
    assert said.startswith("accepted: entry 3")
    assert (past.entries(host) or [])[0]["outcome"] == "accepted"
    with pytest.raises(UsageError, match="number"):
        rollback.run(host, Arguments(receipt=None, **asked))
