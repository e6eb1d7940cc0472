"""Steps, their inverses, the journal and the undo, on a directory tree."""

import json
import os
from pathlib import Path

import pytest

from provisioner.config import load
from provisioner.config.desired import Desired
from provisioner.errors import BusyError, ConfigError, DeniedError, ProvisionerError
from provisioner.host import System, temporary
from provisioner.model import Difference
from provisioner.runs import apply, execute, journal, receipts
from provisioner.runs.journal import Journal
from provisioner.steps import (
    CopyOut,
    Discard,
    MakeDirectory,
    Register,
    RemoveDirectory,
    RemoveFile,
    Restart,
    Run,
    SetLeaf,
    Step,
    Unregister,
    WriteFile,
)

LEAF = ("features", "containerd-snapshotter")
STEPS: tuple[Step, ...] = (
    MakeDirectory("/etc/docker", 0o750),
    RemoveDirectory("/etc/docker"),
    WriteFile("/etc/x", "text \udcff\n", 0o600),
    RemoveFile("/etc/x"),
    SetLeaf("/etc/docker/daemon.json", LEAF, True, None, "{}"),
    SetLeaf("/etc/docker/daemon.json", LEAF, None, "{}", None),
    Register("/proc/x", ":x:E::y::/z:", unless_there=True),
    Unregister("/proc/x"),
    CopyOut("/s", "image:tag", ("qemu-arm",), "/f", preserve_argv0=True),
    Discard("/s", "image:tag"),
    Run(("docker", "buildx", "rm"), undo=(Run(("docker", "ps"), timeout=3),), timeout=9),
    Restart("docker.service", "/var/run/docker.sock", 5),
)


@pytest.fixture
def host(tmp_path: Path) -> System:
    for folder in ("etc", "var/lib", "run", "proc"):
        (tmp_path / folder).mkdir(parents=True)
    return System(str(tmp_path), {})


def tree(host: System) -> dict[str, tuple[int, bytes]]:
    """Every file and directory with its mode and content."""
    found = {}
    for path in sorted(Path(host.root).rglob("*")):
        found[str(path)] = (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
    return found


@pytest.mark.parametrize("step", STEPS, ids=lambda s: type(s).__name__)
def test_a_step_survives_the_journal(step: Step) -> None:
    assert journal.from_dict(json.loads(json.dumps(journal.to_dict(step)))) == step


def test_the_inverse_of_a_file_step_puts_back_bytes_and_mode(host: System) -> None:
    old = '{"debug": true}\r\n'
    host.make_directory("/etc/docker", 0o755)
    host.write("/etc/docker/daemon.json", old, 0o640)
    host.write("/etc/gone", "\udcff", 0o600)
    before = tree(host)
    each: tuple[Step, ...] = (
        MakeDirectory("/etc/new", 0o700),
        WriteFile("/etc/new/file", "x"),
        SetLeaf("/etc/docker/daemon.json", LEAF, True, old, '{"features": {"containerd-snapshotter": true}}'),
        RemoveFile("/etc/gone"),
        WriteFile("/etc/docker/daemon.json", "{}"),
    )
    undo: list[Step] = []
    for step in each:
        undo[:0] = execute.inverse(step, host)
        execute.execute(step, host)
    assert tree(host) != before
    for step in undo:
        execute.execute(step, host)
    assert tree(host) == before


def test_a_leaf_set_in_a_file_that_was_absent_is_undone_to_absence(host: System) -> None:
    step = SetLeaf("/etc/daemon.json", LEAF, True, None, '{"features": {"containerd-snapshotter": true}}\n')
    undo = execute.inverse(step, host)
    execute.execute(step, host)
    assert host.read("/etc/daemon.json") == step.after
    execute.execute(undo[0], host)
    assert host.read("/etc/daemon.json") is None


def test_an_undo_that_runs_twice_does_nothing_the_second_time(host: System) -> None:
    step = SetLeaf("/etc/daemon.json", LEAF, True, None, '{"features": {"containerd-snapshotter": true}}\n')
    [undo] = execute.inverse(step, host)
    execute.execute(step, host)
    execute.execute(undo, host)
    execute.execute(undo, host)
    assert host.read("/etc/daemon.json") is None


@pytest.mark.parametrize("old", ["", "{}"], ids=["absent", "there"])
def test_an_undo_takes_away_what_a_kill_in_the_middle_of_a_write_has_left(host: System, old: str) -> None:
    if old:
        host.write("/etc/daemon.json", old, 0o644)
    before = tree(host)
    for step in (WriteFile("/etc/daemon.json", "new"), SetLeaf("/etc/daemon.json", LEAF, True, old or None, "new")):
        [undo] = execute.inverse(step, host)
        Path(host.path(temporary("/etc/daemon.json"))).write_text("ne")
        execute.execute(undo, host)
        assert tree(host) == before


def test_undoing_a_leaf_keeps_what_somebody_else_has_written_meanwhile(host: System) -> None:
    step = SetLeaf(
        "/etc/daemon.json", LEAF, True, None, '{\n  "features": {\n    "containerd-snapshotter": true\n  }\n}\n'
    )
    undo = execute.inverse(step, host)
    execute.execute(step, host)
    theirs = '{\n  "debug": true,\n  "features": {\n    "containerd-snapshotter": true\n  }\n}\n'
    host.write("/etc/daemon.json", theirs, 0o644)
    execute.execute(undo[0], host)
    assert host.read("/etc/daemon.json") == '{\n  "debug": true\n}\n'


def test_a_leaf_is_set_in_the_file_as_it_is_by_now(host: System) -> None:
    host.write("/etc/daemon.json", '{"debug": true}', 0o644)
    execute.execute(SetLeaf("/etc/daemon.json", LEAF, True, "{}", "planned"), host)
    assert json.loads(host.read("/etc/daemon.json") or "") == {"debug": True, "features": {LEAF[1]: True}}


def test_a_file_that_somebody_broke_meanwhile_is_left_alone(host: System) -> None:
    host.write("/etc/daemon.json", "{ half", 0o644)
    with pytest.raises(ConfigError, match="line 1"):
        execute.execute(SetLeaf("/etc/daemon.json", LEAF, True, "{}", "planned"), host)
    assert host.read("/etc/daemon.json") == "{ half"


def test_a_link_stays_a_link_and_its_target_is_written(host: System) -> None:
    host.write("/etc/real.json", "{}", 0o600)
    os.symlink("real.json", host.path("/etc/daemon.json"))
    host.write("/etc/daemon.json", '{"debug": true}', 0o644)
    assert host.link("/etc/daemon.json") == "real.json"
    assert host.read("/etc/real.json") == '{"debug": true}'
    status = host.stat("/etc/real.json")
    assert status is not None
    assert status.mode == 0o600


@pytest.mark.parametrize(
    "mask", ["pipe", "folder"]
)  # as /dev/null is, which a failing test would take from its machine
def test_a_mask_is_neither_written_nor_removed_through(host: System, mask: str) -> None:
    os.mkfifo(host.path("/etc/pipe"))
    os.mkdir(host.path("/etc/folder"))
    path = "/etc/masked.conf"
    os.symlink(mask, host.path(path))
    before = os.stat(host.path(path))
    with pytest.raises(DeniedError, match="which is no file"):
        host.write(path, "mine", 0o644)
    assert os.path.samestat(os.stat(host.path(path)), before)
    host.remove(path)
    assert host.link(path) is None
    assert host.stat("/etc/folder")
    assert os.stat(host.path("/etc/pipe"))


def test_a_link_to_a_file_that_is_not_there_is_undone_to_that(host: System) -> None:
    os.symlink("real.json", host.path("/etc/daemon.json"))
    before = tree(host)
    for step in (WriteFile("/etc/daemon.json", "{}"), SetLeaf("/etc/daemon.json", LEAF, True, None, "{}")):
        undo = execute.inverse(step, host)
        execute.execute(step, host)
        assert host.read("/etc/real.json") == "{}"
        execute.execute(undo[0], host)
        assert host.link("/etc/daemon.json") == "real.json"
        assert tree(host) == before


def test_nothing_is_written_where_others_may_write(host: System) -> None:
    os.chmod(host.path("/etc"), 0o777)
    with pytest.raises(DeniedError, match="others may write there"):
        host.write("/etc/daemon.json", "{}", 0o644)
    assert host.names("/etc") == ()


def test_a_receipt_tells_the_undo_newest_first_and_how_it_ended(host: System) -> None:
    book = Journal(host, 1)
    book.begin("0", Desired(), ())
    book.change("image store", (Restart("docker.service", "/s"),))
    book.step(STEPS[0], (RemoveDirectory("/a"),))
    book.step(STEPS[2], (RemoveFile("/b"), RemoveFile("/c")))
    assert journal.read(host, 1).outcome is None
    assert journal.cut_off(host) is not None
    book.end("converged")
    receipt = journal.read(host, 1)
    assert receipt.undo == (RemoveFile("/b"), RemoveFile("/c"), RemoveDirectory("/a"))
    assert receipt.settle == (Restart("docker.service", "/s"),)
    assert receipt.outcome == "converged"
    assert journal.cut_off(host) is None


def test_a_torn_last_line_is_an_effect_that_never_began(host: System) -> None:
    book = Journal(host, 1)
    book.begin("0", Desired(), ())
    book.step(STEPS[0], (RemoveDirectory("/a"),))
    whole = host.read(receipts.file(host, 1)) or ""
    begun = whole.index("\n") + 1
    for cut in range(len(whole) - 1):
        Path(host.path(receipts.file(host, 1))).write_text(whole[:cut])
        receipt = journal.read(host, 1)
        assert receipt.undo == ()
        assert receipt.outcome == ("empty" if cut < begun - 1 else None)


def test_a_line_after_a_torn_one_is_whole(host: System) -> None:
    Journal(host, 1).begin("0", Desired(), ())
    with Path(host.path(receipts.file(host, 1))).open("a") as file:
        file.write('{"event": "st')
    Journal(host, 1).end("rolled back")
    assert journal.read(host, 1).outcome == "rolled back"


def test_the_state_is_for_root_alone(host: System) -> None:
    Journal(host, 1).begin("0", Desired(), ())
    modes = [s.mode for p in (host.state, receipts.folder(host), receipts.file(host, 1)) if (s := host.stat(p))]
    assert modes == [0o700, 0o700, 0o600]


def test_a_receipt_of_a_newer_format_is_not_guessed_at(host: System) -> None:
    journal.prepare(host)
    host.append(receipts.file(host, 1), '{"event": "begin", "format": 99}')
    with pytest.raises(ProvisionerError, match="format 99"):
        journal.read(host, 1)


DAMAGED: tuple[dict[str, object], ...] = (
    {"event": "begin", "format": 1},
    {"event": "begin", "format": 1, "time": "2026-11-23T12:00:00Z", "desired": [], "before": []},
    {"event": "begin", "format": 1, "time": "2026-11-23T12:00:00Z", "desired": {"platforms": 3}, "before": []},
)


@pytest.mark.parametrize("line", DAMAGED)
def test_a_damaged_receipt_is_named_in_a_sentence(tmp_path: Path, line: dict[str, object]) -> None:
    host = System(str(tmp_path), {})
    (tmp_path / "var/lib/provisioner/receipts").mkdir(parents=True)
    Path(host.path(receipts.file(host, 1))).write_text(json.dumps(line) + "\n")
    with pytest.raises(ProvisionerError, match="it is no receipt of ours"):
        journal.read(host, 1)


def test_a_second_run_is_told_who_holds_the_lock(host: System) -> None:
    with (
        host.lock(journal.lock(host)),
        pytest.raises(BusyError, match=f"process {os.getpid()}"),
        host.lock(journal.lock(host)),
    ):
        pass


def test_only_root_may_change_the_host(host: System) -> None:
    host.uid = 1000
    with pytest.raises(DeniedError, match="only root"):
        apply.apply(host, load.load(host, None), print)


def test_differences_are_kept_with_their_types() -> None:
    found = Difference("configured", None, True)
    assert Difference(*json.loads(json.dumps(found))) == found


def test_the_memory_of_a_configuration_is_for_root_alone(host: System) -> None:
    host.make_directory("/etc/provisioner", 0o755)
    host.write(load.PATH, "restart: never", 0o644)
    apply._remember(host, load.load(host, None), "root", print)
    status = host.stat(load.remembered(host))
    assert status is not None
    assert status.mode == 0o600
