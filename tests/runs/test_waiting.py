"""What waits is recorded once, and a note stays until the record has it."""

import json
from pathlib import Path
from typing import Any

from provisioner.config.desired import Desired
from provisioner.engine import memory
from provisioner.errors import ProvisionerError
from provisioner.host import System
from provisioner.runs import waiting
from provisioner.runs.waiting import ALL, Waiting
from provisioner.steps import Plan

A, B = "unix:///run/a.sock", "unix:///run/b.sock"
OTHERS = Waiting(B, ALL, "", "2026-01-01T00:00:00Z", "another run holds the lock")


def hush(words: str) -> None:
    """Say nothing."""


class Full(System):
    """A host whose disk has no room for the record."""

    def write(self, path: str, *rest: Any, **more: Any) -> None:
        if path == memory.record_path(self):
            raise ProvisionerError("no room left on the disk")
        super().write(path, *rest, **more)


def noted(system: System) -> None:
    system.make_directories(system.runtime, 0o755)
    system.write(waiting.note(system), json.dumps({"waiting": [OTHERS]}) + "\n", 0o644)


def test_a_note_becomes_one_row_of_the_record_however_many_runs_are_put_off(tmp_path: Path) -> None:
    system = System(str(tmp_path), {})
    noted(system)
    for _ in range(3):
        waiting.put_off(system, Desired(engine=A), "held", hush)
    rows = waiting.waiting(system)
    assert [row.engine for row in rows] == [B, A]
    assert system.stat(waiting.note(system)) is None


def test_a_note_stays_if_the_record_cannot_be_written(tmp_path: Path) -> None:
    system = Full(str(tmp_path), {})
    noted(system)
    waiting.write(system, Desired(engine=A), Plan(), hush)
    assert waiting.waiting(system) == (OTHERS,)
    waiting.put_off(system, Desired(engine=A), "held", hush)
    assert [row.engine for row in waiting.waiting(system)] == [B, A]
