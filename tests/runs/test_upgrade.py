"""What an earlier release left on disk is read by this one. tests/cases/state has a state directory of each release.

Each was written on a booted host: two applies of different configurations, a recorded check, a hold.
"""

from pathlib import Path

import pytest

from provisioner.checks import record
from provisioner.host import System
from provisioner.runs import freeze, journal, receipts

STATES = sorted((Path(__file__).parents[1] / "cases" / "state").iterdir())


@pytest.mark.parametrize("state", STATES, ids=lambda path: path.name)
def test_receipts_record_and_hold_of_a_release_still_count(state: Path) -> None:
    host = System(str(state), {})
    found = [journal.read(host, number) for number in receipts.numbers(host)]
    assert [receipt.outcome for receipt in found] == ["converged", "converged"]
    assert all(receipt.undo for receipt in found)
    assert receipts.unended(host) is None
    assert (record.read(host)["status"], record.read(host)["host"]["name"]) == (0, "docker-trixie")
    hold = freeze.read(host, "2026-11-28T00:00:00Z")
    assert hold
    assert hold.reason == "release week"
