"""The record of the last check, which a user with fewer rights than its readers' has written."""

import json
from pathlib import Path

import pytest

from provisioner.checks import record
from provisioner.host import System

ROW = {"resource": "emulators", "key": "linux/arm64", "have": "not registered", "since": "2026-11-23T10:00:00Z"}
NOW: record.Result = {"differences": [], "unknown": []}
ERROR = {"code": "engine-stopped", "message": "Docker is not running", "hint": "start it"}
FAILED: record.Result = {"schema_version": 2, "status": "failed", "error": ERROR, "differences": [], "unknown": []}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        ("{", []),
        ("[" * 100_000, []),
        ("[]", []),
        ('{"schema_version": 0}', []),
        ('{"schema_version": 1, "differences": null}', []),
        (json.dumps({"schema_version": 1, "differences": [1, None, [], {}, {**ROW, "have": {}}, ROW]}), [ROW]),
    ],
)
def test_a_record_counts_as_far_as_it_is_whole(tmp_path: Path, text: str, rows: list[object]) -> None:
    host = System(str(tmp_path), {})
    host.make_directories(record.folder(host), 0o755)
    host.write(f"{record.folder(host)}/check.json", text, 0o644)
    last = record.read(host)
    assert last.get("differences", []) == rows
    gone = [("drift gone", ["emulators: linux/arm64"])] if rows else []
    assert list(record.news(last, NOW)) == gone


def kept(tmp_path: Path, found: record.Result) -> record.Result:
    host = System(str(tmp_path), {})
    host.make_directories(record.folder(host), 0o755)
    record.keep(host, found)
    return record.read(host)


def test_a_check_that_fails_is_news_once_and_so_is_that_it_works_again(tmp_path: Path) -> None:
    assert list(record.news({}, FAILED)) == [("check failed", ["Docker is not running"])]
    last = kept(tmp_path, FAILED)
    assert list(record.news(last, FAILED)) == []
    assert list(record.news(last, NOW)) == [("check works again", ["Docker is not running"])]


def test_an_apply_that_was_cut_off_is_news_once_and_so_is_that_it_was_undone(tmp_path: Path) -> None:
    cut = {**NOW, "schema_version": 2, "interrupted": 4}
    assert list(record.news({}, cut)) == [("apply cut off", ["apply 4"])]
    last = kept(tmp_path, cut)
    assert list(record.news(last, cut)) == []
    assert list(record.news(last, {**FAILED, "interrupted": None})) == [
        ("check failed", ["Docker is not running"]),
        ("cut-off apply undone", ["apply 4"]),
    ]


def test_drift_that_was_known_before_a_failure_is_no_news_after_it(tmp_path: Path) -> None:
    last = kept(tmp_path, {**FAILED, "last_known": {"time": "2026-11-23T10:00:00Z", "differences": [ROW]}})
    assert last["differences"] == [ROW]
    assert [event for event, _ in record.news(last, {**NOW, "differences": [ROW]})] == ["check works again"]
