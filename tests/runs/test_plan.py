"""A plan for a user who may not see everything: what is hidden is unknown, and the rest is planned."""

from pathlib import Path

import pytest

from provisioner.config.desired import Desired, ImageStore
from provisioner.engine import facts
from provisioner.errors import DeniedError
from provisioner.model import Difference, Unknown
from provisioner.runs import plan
from provisioner.steps import Change, Obstacle, Plan
from provisioner.steps.programs import Run
from tests.helpers.daemon import FILE, Host

WANTED = Desired(("linux/amd64",), image_store=ImageStore("unmanaged"), daemon={"debug": True}, only=("daemon",))


class Member(Host):
    """The host as a member of the group docker sees it: daemon.json is closed to others."""

    def __init__(self, tree: Path) -> None:
        super().__init__(tree)
        self.uid = 1000

    def head(self, path: str, size: int, *, piped: bool = False) -> bytes | None:
        if path == FILE:
            raise DeniedError(f"{path}: this user may not read it")
        return super().head(path, size, piped=piped)


def test_what_a_user_may_not_see_is_unknown_in_a_plan_and_not_an_end_of_it(tmp_path: Path) -> None:
    (tmp_path / "proc/1").mkdir(parents=True)
    host = Member(tmp_path)
    made = plan.make(host, facts.gather(host, WANTED), WANTED)
    hidden = [d for _, d in made.differences if isinstance(d.have, Unknown)]
    assert [d.key for d in hidden] == ["debug"]
    assert {b.key for _, b in made.blocked if b.obstacle.code == plan.UNKNOWN} == {"debug", "debug in effect"}
    assert not made.acts


def test_root_sees_all_of_it(tmp_path: Path) -> None:
    host = Host(tmp_path)
    made = plan.make(host, facts.gather(host, WANTED), WANTED)
    assert made.acts


DIFFERENCE = (Difference("key", None, "wanted"),)
STEP = Run(("true",))


@pytest.mark.parametrize("daemon", [False, True])
def test_a_failed_attempt_blocks_its_resource_and_a_restart_that_would_gain_nothing(daemon: bool) -> None:
    changes = (
        Change("builder", (), (STEP,), unless="not-installed"),
        Change("emulators", DIFFERENCE, (STEP,)),
        *((Change("daemon", DIFFERENCE, (STEP,)),) if daemon else ()),
        Change("image store", DIFFERENCE, (STEP,), restart=STEP, hides=True),
        Change("builder", DIFFERENCE, (STEP,)),
    )
    left = plan.without(Plan(changes), {"builder": Obstacle("not-installed", "no such package", "see there")})
    assert {resource: b.obstacle.code for resource, b in left.blocked} == {
        "builder": "not-installed",
        **({} if daemon else {"image store": "builder-first"}),
    }
    assert [c.resource for c in left.changes if c.edits] == [
        "emulators",
        *(["daemon", "image store"] if daemon else []),
    ]
    assert plan.without(Plan(changes), {}) == Plan(changes)
