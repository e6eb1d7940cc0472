"""Steps that change files, and their inverses, on a directory tree."""

import json
import os
from pathlib import Path

import pytest

from provisioner.errors import ConfigError, DeniedError
from provisioner.host import System
from provisioner.host.files import ChangedError, temporary
from provisioner.steps import Step
from provisioner.steps.files import TRIES, MakeDirectory, RemoveFile, SetLeaf, WriteFile
from tests.helpers.steps import quiet

LEAF = ("features", "containerd-snapshotter")


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
        undo[:0] = step.inverse(host)
        step.do(host, quiet)
    assert tree(host) != before
    for step in undo:
        step.do(host, quiet)
    assert tree(host) == before


def test_a_leaf_set_in_a_file_that_was_absent_is_undone_to_absence(host: System) -> None:
    step = SetLeaf("/etc/daemon.json", LEAF, True, None, '{"features": {"containerd-snapshotter": true}}\n')
    undo = step.inverse(host)
    step.do(host, quiet)
    assert host.read("/etc/daemon.json") == step.after
    undo[0].do(host, quiet)
    assert host.read("/etc/daemon.json") is None


def test_an_undo_that_runs_twice_does_nothing_the_second_time(host: System) -> None:
    step = SetLeaf("/etc/daemon.json", LEAF, True, None, '{"features": {"containerd-snapshotter": true}}\n')
    [undo] = step.inverse(host)
    step.do(host, quiet)
    undo.do(host, quiet)
    undo.do(host, quiet)
    assert host.read("/etc/daemon.json") is None


@pytest.mark.parametrize("old", ["", "{}"], ids=["absent", "there"])
def test_an_undo_takes_away_what_a_kill_in_the_middle_of_a_write_has_left(host: System, old: str) -> None:
    if old:
        host.write("/etc/daemon.json", old, 0o644)
    before = tree(host)
    for step in (WriteFile("/etc/daemon.json", "new"), SetLeaf("/etc/daemon.json", LEAF, True, old or None, "new")):
        [undo] = step.inverse(host)
        Path(host.path(temporary("/etc/daemon.json"))).write_text("ne")
        undo.do(host, quiet)
        assert tree(host) == before


def test_undoing_a_leaf_keeps_what_somebody_else_has_written_meanwhile(host: System) -> None:
    step = SetLeaf(
        "/etc/daemon.json", LEAF, True, None, '{\n  "features": {\n    "containerd-snapshotter": true\n  }\n}\n'
    )
    undo = step.inverse(host)
    step.do(host, quiet)
    theirs = '{\n  "debug": true,\n  "features": {\n    "containerd-snapshotter": true\n  }\n}\n'
    host.write("/etc/daemon.json", theirs, 0o644)
    undo[0].do(host, quiet)
    assert host.read("/etc/daemon.json") == '{\n  "debug": true\n}\n'


def test_a_leaf_is_set_in_the_file_as_it_is_by_now(host: System) -> None:
    host.write("/etc/daemon.json", '{"debug": true}', 0o644)
    SetLeaf("/etc/daemon.json", LEAF, True, "{}", "planned").do(host, quiet)
    assert json.loads(host.read("/etc/daemon.json") or "") == {"debug": True, "features": {LEAF[1]: True}}


class Watched(System):
    """A host on which somebody saves the file whenever we have just read it, as often as told."""

    times = 0

    def read(self, path: str, *, user: str = "") -> str | None:
        found = super().read(path, user=user)
        if self.times:
            self.times -= 1
            Path(self.path(path)).write_text(json.dumps({"theirs": self.times}))
        return found


@pytest.mark.parametrize("times", [1, 2, 9])
def test_an_edit_that_is_saved_between_our_look_and_our_rename_is_not_lost(host: System, times: int) -> None:
    there = Watched(host.root, {})
    there.write("/etc/daemon.json", "{}", 0o644)
    there.times = times
    step = SetLeaf("/etc/daemon.json", ("debug",), True, "{}", '{"debug": true}')
    if times < TRIES:
        step.do(there, quiet)
    else:
        with pytest.raises(ChangedError, match="somebody else has just changed it"):
            step.do(there, quiet)
    kept = json.loads(Path(host.path("/etc/daemon.json")).read_text())
    assert kept == ({"theirs": 0, "debug": True} if times < TRIES else {"theirs": times - TRIES})


def test_a_file_that_somebody_broke_meanwhile_is_left_alone(host: System) -> None:
    host.write("/etc/daemon.json", "{ half", 0o644)
    with pytest.raises(ConfigError, match="line 1"):
        SetLeaf("/etc/daemon.json", LEAF, True, "{}", "planned").do(host, quiet)
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
    with pytest.raises(DeniedError, match="not a file"):
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
        undo = step.inverse(host)
        step.do(host, quiet)
        assert host.read("/etc/real.json") == "{}"
        undo[0].do(host, quiet)
        assert host.link("/etc/daemon.json") == "real.json"
        assert tree(host) == before


def test_nothing_is_written_where_others_may_write(host: System) -> None:
    os.chmod(host.path("/etc"), 0o777)
    with pytest.raises(DeniedError, match="other users can change"):
        host.write("/etc/daemon.json", "{}", 0o644)
    assert host.names("/etc") == ()
