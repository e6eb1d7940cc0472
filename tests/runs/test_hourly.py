"""The hourly check joins the group that the engine's socket has."""

from pathlib import Path
from typing import Any

import pytest

from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.model import Status
from provisioner.runs import hourly
from provisioner.steps.files import RemoveFile, WriteFile
from tests.builder.test_obstacles import facts

UNIT = "usr/lib/systemd/system/provisioner-check.service"
GROUPS = "root:x:0:\ndocker:x:998:\nbuilders:x:1001:eve\n"


class Host(System):
    """A host whose systemd runs our units, and whose engine's socket belongs to a group.

    ``protected`` is what the file system says of a new file in the folder of the drop-in.
    """

    protected = ""

    def __init__(self, tree: Path, gid: int) -> None:
        super().__init__(str(tree), {})
        self.uid = 0
        self.gid = gid
        for path, text in {
            "run/systemd/system/x": "",
            UNIT: "",
            "etc/group": GROUPS,
            "proc/self/mountinfo": "",
        }.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)

    def unmakeable(self, path: str, user: str = "") -> str:
        return self.protected if path == hourly.DROP_IN else super().unmakeable(path, user)

    def stat(self, path: str) -> Status | None:
        if path == seen().socket:
            return Status(0o660, 0, self.gid, directory=False)
        return super().stat(path)


def seen(**more: Any) -> Facts:
    return facts()._replace(**more)


@pytest.mark.parametrize(("gid", "group"), [(1001, "builders"), (7007, "7007")])
def test_another_group_of_the_socket_is_named_in_a_drop_in(tmp_path: Path, gid: int, group: str) -> None:
    host = Host(tmp_path, gid)
    made = hourly.change(host, seen())
    assert made is not None
    [written] = [step for step in made.edits if isinstance(step, WriteFile)]
    assert (written.path, f"Group={group}" in written.text) == (hourly.DROP_IN, True)
    (tmp_path / hourly.FOLDER[1:]).mkdir(parents=True)
    (tmp_path / hourly.DROP_IN[1:]).write_text(written.text)
    assert hourly.change(host, seen()) is None
    host.gid = 998
    back = hourly.change(host, seen())
    assert back is not None
    assert isinstance(back.edits[1], RemoveFile)


@pytest.mark.parametrize("gid", [1001, 998])
def test_a_drop_in_of_somebody_else_is_left_alone(tmp_path: Path, gid: int) -> None:
    host = Host(tmp_path, gid)
    (tmp_path / hourly.FOLDER[1:]).mkdir(parents=True)
    (tmp_path / hourly.DROP_IN[1:]).write_text("[Service]\nSupplementaryGroups=adm\n")
    assert hourly.change(host, seen()) is None


def test_systemd_reads_its_units_again_after_the_undo(tmp_path: Path) -> None:
    host = Host(tmp_path, 1001)
    made = hourly.change(host, seen())
    assert made is not None
    undone = [step for edit in reversed(made.edits) for step in edit.inverse(host)]
    assert isinstance(undone[0], RemoveFile)
    assert undone[-1] == hourly.RELOAD


CASES = ("the usual group", "no unit of ours", "a read-only sandbox", "an immutable folder", "no root", "no engine")


@pytest.mark.parametrize("case", CASES)
def test_where_nothing_has_to_change_or_can_nothing_is_planned(tmp_path: Path, case: str) -> None:
    host = Host(tmp_path, 998 if case == "the usual group" else 1001)
    if case == "no unit of ours":
        (tmp_path / UNIT).unlink()
    if case == "a read-only sandbox":
        line = "36 28 0:40 / /etc ro,nosuid - ext4 /dev/vda ro\n"
        (tmp_path / "proc/self/mountinfo").write_text(line)
    if case == "an immutable folder":
        host.protected = "Operation not permitted"
    if case == "no root":
        host.uid = 1000
    assert hourly.change(host, seen(socket="") if case == "no engine" else seen()) is None
