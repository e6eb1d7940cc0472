"""What a host still shows of our applies: a record that may be lost or damaged, and the history."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.engine import memory, traces
from provisioner.host import System

ENGINE = "unix:///var/run/docker.sock"
RECORD = "etc/provisioner/made.json"
DAEMON_JSON = "/etc/docker/daemon.json"


def put(tree: Path, path: str, text: str) -> None:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)


def receipt(tree: Path, number: int, name: str, user: str, outcome: str, engine: str = ENGINE) -> None:
    undo = {"step": "Run", "argv": [*traces.FORGET, name], "user": user}
    lines: list[dict[str, Any]] = [
        {"event": "begin", "desired": {"engine": engine}},
        {"event": "step", "step": {}, "undo": [undo]},
        {"event": "end", "outcome": outcome},
    ]
    put(tree, f"var/lib/provisioner/receipts/{number:06}.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def test_without_a_record_the_history_says_which_builders_are_ours(tmp_path: Path) -> None:
    receipt(tmp_path, 1, "a", "", "converged")
    receipt(tmp_path, 2, "a", "dev", "held")
    receipt(tmp_path, 3, "b", "", "undone")
    receipt(tmp_path, 4, "c", "", "converged", engine="unix:///elsewhere.sock")
    put(tmp_path, "var/lib/provisioner/receipts/000005.jsonl", '{"event": "begin", "desired": {"eng')
    assert memory.builders(System(str(tmp_path), {}), ENGINE) == {"a": ("root", "dev")}


def test_the_record_outlives_the_history_and_is_kept_for_each_engine(tmp_path: Path) -> None:
    old = {"builders": {"unix:///other.sock": {"z": ["root"]}}}
    host = System(str(tmp_path), {})
    found = traces.merged(host, old, ENGINE, {"a": ("root", "dev")}, {})
    put(tmp_path, RECORD, json.dumps(found))
    assert memory.builders(host, ENGINE) == {"a": ("root", "dev")}
    assert memory.builders(host, "unix:///other.sock") == {"z": ("root",)}
    assert memory.builders(host, "unix:///third.sock") == {}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"builders": 5}', '{"builders": {"x": [1]}}', "[" * 9999])
def test_a_damaged_record_says_nothing(tmp_path: Path, text: str) -> None:
    put(tmp_path, RECORD, text)
    host = System(str(tmp_path), {})
    assert memory.builders(host, ENGINE) == {}
    assert list(traces.unchanged(host, memory.record(host), DAEMON_JSON)) == []


def test_a_setting_is_ours_while_its_value_is_and_its_record_tells_no_secret(tmp_path: Path) -> None:
    values = {"log-level": "debug", "proxies": "http://user:word@proxy"}
    made = {DAEMON_JSON: {json.dumps([key]): traces.digest(value) for key, value in values.items()}}
    host = System(str(tmp_path), {})
    put(tmp_path, RECORD, json.dumps(traces.merged(host, None, ENGINE, {}, made)))
    assert "word" not in (tmp_path / RECORD).read_text()
    put(tmp_path, DAEMON_JSON.lstrip("/"), json.dumps({**values, "log-level": "warn", "theirs": 1}))
    assert list(traces.unchanged(host, memory.record(host), DAEMON_JSON)) == [("proxies",)]
    assert memory.owned(host, DAEMON_JSON) == ((("proxies",), None),)
    known = memory.record(host)
    assert traces.pruned(host, known) == {DAEMON_JSON: {'["proxies"]': traces.digest(values["proxies"])}}
    taken = traces.merged(host, known, ENGINE, {}, {DAEMON_JSON: {json.dumps(["proxies"]): ""}})
    assert taken["settings"] == {}
    put(tmp_path, DAEMON_JSON.lstrip("/"), "not JSON")
    assert traces.pruned(host, known) == made


@pytest.mark.parametrize("rows", [[[[], None]], [["debug", None]], [[5, None]], [[["debug"]]], 5, [None]])
def test_a_damaged_list_of_keys_gives_nothing_back(tmp_path: Path, rows: object) -> None:
    host = System(str(tmp_path), {})
    (tmp_path / "var/lib/provisioner").mkdir(parents=True)
    Path(host.path(memory.path(host))).write_text(json.dumps({"/d": rows}))
    assert memory.owned(host, "/d") == ()
