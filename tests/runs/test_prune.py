"""A long history is shortened, and a rollback and a removal still know what was there before."""

import json
from pathlib import Path

import pytest

from provisioner.config.desired import Desired, ImageStore
from provisioner.config.load import Configuration
from provisioner.host import System
from provisioner.model import Difference
from provisioner.runs import apply, journal, older, originals, prune, receipts, rollback
from provisioner.runs.journal import Journal
from provisioner.steps.files import RemoveFile, WriteFile
from tests.helpers.daemon import FILE, Host

WANTED = Desired(platforms=("linux/amd64",), only=("emulators",))


@pytest.fixture
def host(tmp_path: Path) -> System:
    system = System("/", {}, "x86_64")
    system.uid = 0
    system.state, system.runtime = str(tmp_path / "state"), str(tmp_path / "run")
    return system


def applied(host: System, file: Path, text: str, outcome: str = "converged", desired: Desired = WANTED) -> int:
    """An apply that wrote a file, and how it ended."""
    number = journal.following(host)
    book = Journal(host, number)
    had = file.read_text() if file.exists() else None
    book.begin("0", desired, (("emulators", Difference("linux/arm64", had, text)),))
    book.change("emulators", None, ("linux/arm64",))
    undo = RemoveFile(str(file)) if had is None else WriteFile(str(file), had)
    book.step(WriteFile(str(file), text), (undo,))
    if outcome not in journal.OVER:
        file.write_text(text)
    book.end(outcome)
    return number


def test_what_was_undone_is_forgotten_and_what_is_in_effect_becomes_one_entry(host: System, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("theirs")
    for number, outcome in enumerate(("converged", "rolled back", "held", "undone", "converged", "converged"), 1):
        assert applied(host, file, f"ours {number}", outcome) == number
    prune.prune(host, 2)
    assert receipts.numbers(host) == (3, 5, 6)
    merged = journal.read(host, 3)
    assert (merged.outcome, len(merged.made), merged.before[0][1].have) == ("held", 2, "theirs")
    assert rollback.rollback(host, 3, print) == (6, 5, 3)
    assert file.read_text() == "theirs"
    prune.prune(host, 1)
    assert receipts.numbers(host) == (6,)


def test_a_removal_finds_the_original_of_a_merged_entry(host: System, tmp_path: Path) -> None:
    file = tmp_path / "file"
    for number in range(1, 30):
        applied(host, file, f"ours {number}")
    before = list(originals.collapsed(older.past(host, journal.every(host))))
    prune.prune(host, 5)
    assert len(receipts.numbers(host)) == 6
    assert [o.back for o in originals.collapsed(older.past(host, journal.every(host)))] == [o.back for o in before]
    assert isinstance(before[-1].back, RemoveFile)


def test_a_repair_that_is_made_every_hour_does_not_make_the_entry_longer(host: System, tmp_path: Path) -> None:
    file = tmp_path / "file"
    for _ in range(50):
        file.unlink(missing_ok=True)
        applied(host, file, "ours")
    prune.prune(host, 1)
    assert len(journal.read(host, receipts.numbers(host)[0]).made) == 1


def test_what_somebody_has_to_look_at_and_other_engines_are_kept_apart(host: System, tmp_path: Path) -> None:
    file = tmp_path / "file"
    other = WANTED._replace(engine="unix:///other.sock")
    for outcome, desired in (
        ("converged", WANTED),
        ("converged", other),
        ("rollback failed", WANTED),
        ("unconfirmed", WANTED),
        ("converged", WANTED),
        ("converged", WANTED),
    ):
        applied(host, file, f"{outcome} {desired.engine}", outcome, desired)
    (Path(receipts.folder(host)) / "000002.jsonl").write_text('{"event": "begin", "format": 99}\n')
    prune.prune(host, 1)
    assert receipts.numbers(host) == (1, 2, 3, 4, 5, 6)


def test_a_power_cut_in_the_middle_of_a_merge_loses_nothing(host: System, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("theirs")
    for number in range(3):
        applied(host, file, f"ours {number}")
    first = host.read(receipts.file(host, 1)) or ""
    prune.prune(host, 1)
    host.write(receipts.file(host, 1), first, 0o600)  # the merged entry is written, the old one not yet removed
    rollback.rollback(host, 1, print)
    assert file.read_text() == "theirs"
    assert all(json.loads(line) for line in (host.read(receipts.file(host, 3)) or "").splitlines())


def test_an_apply_shortens_the_history_as_the_configuration_says(tmp_path: Path) -> None:
    host, unmanaged = Host(tmp_path), ImageStore("unmanaged")
    for level in ("debug", "info", "warn", "error"):
        wanted = Desired(("linux/amd64",), image_store=unmanaged, daemon={"log-level": level}, history=2)
        assert apply.apply(host, Configuration(wanted), print, only=("daemon",)).receipt
    assert receipts.numbers(host) == (2, 3, 4)
    assert rollback.rollback(host, 2, print) == (4, 3, 2)
    assert host.read(FILE) is None
