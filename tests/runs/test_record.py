"""The record of what applies have made: it outlives the history, and never makes ours what is somebody else's."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from provisioner.engine import memory, traces
from provisioner.runs import journal, prune, receipts, record, removal, rollback
from provisioner.runs.journal import Journal
from provisioner.steps.files import WriteFile
from provisioner.steps.programs import Run
from tests.helpers.daemon import FILE, Host
from tests.helpers.steps import quiet
from tests.runs.test_removal import WANTED, applied, put

ENGINE = "unix:///var/run/docker.sock"
RECORD = "/etc/provisioner/made.json"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def lose_history(host: Host) -> None:
    shutil.rmtree(host.path("/var/lib/provisioner"))


def test_a_shortened_history_still_gives_a_setting_back(host: Host) -> None:
    """A step that an earlier one repeats is still the newest word on its setting if another came between."""
    put(host, {FILE: '{"log-level": "fatal"}'})
    host.start()
    for level in ("debug", "warn", "debug", "warn"):
        applied(host, log_level=level)
    prune.prune(host, 1)
    applied(host, shutdown_timeout=9, log_level="warn")
    prune.prune(host, 1)
    assert len(receipts.numbers(host)) == 2
    removal.remove(host, quiet)
    assert json.loads(host.read(FILE) or "") == {"log-level": "fatal"}


def test_what_the_history_leaves_as_somebody_s_the_record_does_not_take(host: Host) -> None:
    put(host, {FILE: '{"log-level": "fatal"}'})
    host.start()
    applied(host, log_level="debug")
    applied(host, log_level="warn")
    put(host, {FILE: '{"log-level": "debug"}'})
    known = json.loads(host.read(RECORD) or "")
    known["settings"][FILE]['["log-level"]'] = traces.digest("debug")
    put(host, {RECORD: json.dumps(known)})
    removal.remove(host, quiet)
    assert json.loads(host.read(FILE) or "") == {"log-level": "debug"}


def test_what_somebody_accepted_stays(host: Host) -> None:
    applied(host, log_level="debug")
    Journal(host, 1).end(receipts.FAILED)
    rollback.accept(host, 1)
    assert removal.plan(host).steps == ()


def test_a_rollback_forgets_nothing_of_a_history_that_was_lost(host: Host) -> None:
    applied(host, log_level="debug")
    lose_history(host)
    applied(host, log_level="debug", debug=True)
    rollback.rollback(host, None, quiet)
    removal.remove(host, quiet)
    assert json.loads(host.read(FILE) or "{}") == {}
    assert host.read(RECORD) is None


@pytest.mark.parametrize(
    "settings",
    [
        {FILE: ["x"]},
        {FILE: "x"},
        {FILE: {"notjson": "aa"}},
        {FILE: {"5": "aa"}},
        {FILE: {"[[1]]": "aa"}},
        {FILE: {"[" * 9999: "aa"}},
        {FILE: {'["a"]': 5}},
        {"relative": {'["a"]': "aa"}},
        {"/etc": {'["a"]': "aa"}},
        ["x"],
    ],
    ids=lambda given: json.dumps(given)[:40],
)
def test_a_damaged_record_stops_nothing(host: Host, settings: Any) -> None:
    put(host, {FILE: '{"log-level": "debug"}', RECORD: json.dumps({"builders": {}, "settings": settings})})
    host.start()
    assert memory.owned(host, FILE) == ()
    assert removal.plan(host).steps == ()
    applied(host, log_level="info")
    assert [r.outcome for r in journal.every(host)] == ["converged"]


@pytest.mark.parametrize("builders", [5, ["x"], "x", {"unix:///x": ["b"]}, {"unix:///x": {"b": "root"}}])
def test_damaged_builders_of_the_record_stop_nothing(host: Host, builders: Any) -> None:
    put(host, {RECORD: json.dumps({"builders": builders})})
    applied(host, log_level="info")
    removal.remove(host, quiet)
    assert host.read(FILE) is None


def test_a_former_builder_that_a_rollback_gave_back_is_ours_also_without_its_own_history(host: Host) -> None:
    host.start()
    instance = "/root/.docker/buildx/instances/old"
    forget = Run((*traces.FORGET, "old"))
    book = Journal(host, 1)
    book.begin("0", WANTED._replace(engine=ENGINE), ())
    book.step(forget, (WriteFile(instance, "{}", 0o600),))
    book.end("converged")
    put(host, {RECORD: json.dumps({"builders": {ENGINE: {"old": []}}})})
    record.over(host, journal.every(host))
    assert memory.builders(host, ENGINE) == {"old": ()}
    put(host, {instance: "{}"})
    record.over(host, journal.every(host))
    assert memory.builders(host, ENGINE) == {"old": ("root",)}


def test_a_setting_that_cannot_be_edited_costs_nothing_else(host: Host) -> None:
    applied(host, log_level="debug")
    put(host, {FILE: '{"log-level": "debug", "log-level": "debug"}', "/etc/binfmt.d/zz-provisioner-arm64.conf": ""})
    lose_history(host)
    found = removal.plan(host)
    assert [step.sentence() for step in found.steps] == ["remove /etc/binfmt.d/zz-provisioner-arm64.conf"]
    assert "log-level" in " ".join(part.note for part in found.parts)


def test_the_record_holds_nothing_by_which_a_guess_of_a_secret_is_confirmed(host: Host) -> None:
    proxies = {"http-proxy": "http://builds:word@proxy.example:3128"}
    applied(host, log_level="debug", proxies=proxies)
    assert list(json.loads(host.read(RECORD) or "")["settings"][FILE]) == ['["log-level"]']
