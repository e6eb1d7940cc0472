"""How the last run ended, told from its receipt and from who holds the lock."""

import os
from pathlib import Path

import pytest

from provisioner.host import System
from provisioner.runs import receipts

BEGUN = '{"event": "begin"}\n'


@pytest.fixture
def host(tmp_path: Path) -> System:
    """A host whose lock is there, as after every boot's first apply."""
    found = System(str(tmp_path), {})
    (tmp_path / "run/provisioner").mkdir(parents=True)
    (tmp_path / "run/provisioner/lock").touch()
    (tmp_path / "var/lib/provisioner/receipts").mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/locks").write_text("1: FLOCK  ADVISORY  WRITE 77 00:19:4 0 EOF\n")
    return found


def put(host: System, text: str) -> None:
    Path(host.path(receipts.file(host, 1))).write_text(text)
    Path(host.path(receipts.opened(host))).write_text("1\n")


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        (BEGUN, 1),
        (BEGUN + '{"event": "step"}\n{"event": "ste', 1),
        (BEGUN + '{"event": "end", "outcome": "rollback failed"}\n', None),
        (BEGUN + '{"event": "end", "outcome": "converged"}\n', None),
        ("", None),
    ],
)
def test_a_run_without_its_end_was_cut_off(host: System, text: str, cut: int | None) -> None:
    put(host, text)
    assert receipts.interrupted(host) == cut


def test_a_run_that_nobody_lists_as_open_was_not_cut_off(host: System) -> None:
    put(host, BEGUN)
    Path(host.path(receipts.opened(host))).unlink()
    assert receipts.interrupted(host) is None


def test_a_run_that_holds_the_lock_was_not_cut_off(host: System) -> None:
    put(host, BEGUN)
    there = os.stat(host.path(receipts.lock(host)))
    place = f"{os.major(there.st_dev):02x}:{os.minor(there.st_dev):02x}:{there.st_ino}"
    with open(host.path("/proc/locks"), "a") as locks:
        locks.write(f"2: FLOCK  ADVISORY  WRITE 4711 {place} 0 EOF\n")
    assert (receipts.unended(host), receipts.interrupted(host)) == (1, None)
