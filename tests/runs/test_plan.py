"""A plan for a user who may not see everything: what is hidden is unknown, and the rest is planned."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from provisioner.cli import commandline
from provisioner.cli.commands import plan as command
from provisioner.config.desired import Desired, ImageStore
from provisioner.config.load import Configuration
from provisioner.engine import facts
from provisioner.errors import DeniedError, Exit
from provisioner.model import Difference, Unknown
from provisioner.runs import apply, make, plan
from provisioner.runs.journal import Journal
from provisioner.steps import Change, Obstacle, Plan
from provisioner.steps.packages import InstallPackages
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


@pytest.mark.parametrize("uid", [1000, 0])
def test_a_value_that_a_user_may_not_see_is_no_drift_and_the_others_are_planned(tmp_path: Path, uid: int) -> None:
    """What not even root may see, the resource itself explains."""
    host = Host(tmp_path)
    host.uid = uid
    found = (Difference("hidden", Unknown("closed"), "x"), Difference("seen", None, "x"))
    asked: list[str] = []

    def change(_: object, __: object, ___: object, differences: tuple[Difference, ...]) -> Change:
        asked.extend(d.key for d in differences)
        return Change("resource", differences, (STEP,))

    resource = ModuleType("resource")
    resource.NAME, resource.change = "resource", change  # type: ignore[attr-defined]
    made = plan._change(resource, host, facts.gather(host, WANTED), WANTED, found)
    assert asked == (["seen"] if uid else ["hidden", "seen"])
    assert [(b.key, b.obstacle.code, b.obstacle.message) for b in made.blocked] == (
        [("hidden", plan.UNKNOWN, "closed")] if uid else []
    )
    assert {d.key for d in made.differences} == {"hidden", "seen"}


@pytest.mark.parametrize("effect", [True, False])
def test_a_plan_of_which_all_is_unknown_ends_like_a_check_that_could_not_tell(tmp_path: Path, effect: bool) -> None:
    (tmp_path / "proc/1").mkdir(parents=True)
    (tmp_path / "config.yaml").write_text("image_store: {backend: unmanaged}\ndaemon: {debug: true}\n")
    host = Member(tmp_path)
    host.effect["debug"] = effect  # what differs as far as everybody may see is drift
    line = "plan --quick --only daemon --config /config.yaml --host unix:///var/run/docker.sock"
    said = command.run(host, commandline.parse((*line.split(), "--format=json")))
    assert said.status == (Exit.FAILED if effect else Exit.DRIFT), said.text
    assert json.loads(said.text)["status"] == ("unknown" if effect else "changes")


def test_moving_the_data_is_blocked_while_it_would_hide_a_container(tmp_path: Path) -> None:
    host = Host(tmp_path)
    wanted = WANTED._replace(daemon={"data-root": "/srv/docker"})
    assert plan.make(host, facts.gather(host, wanted), wanted).acts
    host.containers = [{"Id": "1" * 64, "Names": ["/web"], "ImageID": "sha256:1", "State": "exited"}]
    made = plan.make(host, facts.gather(host, wanted), wanted)
    assert {b.obstacle.code for _, b in made.blocked} == {"would-hide"}
    assert not made.acts


@pytest.mark.parametrize("ctr", [True, False], ids=["can be copied", "cannot be copied"])
def test_who_would_lose_sight_of_images_is_told_that_they_can_be_copied_if_they_can(tmp_path: Path, ctr: bool) -> None:
    host = Host(tmp_path)
    host.containers = [{"Id": "1" * 64, "Names": ["/web"], "ImageID": "sha256:1", "State": "exited"}]
    if ctr:
        (tmp_path / "usr/bin").mkdir(parents=True, exist_ok=True)
        (tmp_path / "usr/bin/ctr").touch(0o755)
    wanted = Desired(only=("image store",))
    [(_, blocked)] = [b for b in plan.make(host, facts.gather(host, wanted), wanted).blocked if b[1].key == "in effect"]
    assert blocked.obstacle.code == "would-hide"
    assert ("migrate" in blocked.obstacle.hint) is ctr
    assert "hide" in blocked.obstacle.hint


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


def test_an_attempt_that_fails_blocks_its_resource_and_ends_no_apply(tmp_path: Path) -> None:
    host = Host(tmp_path)  # without a package manager
    book = Journal(host, 1)
    book.begin("0", WANTED, ())
    tried = Change("builder", (), (InstallPackages("apt-get", ("docker-buildx",)),), unless="not-installed")
    said: list[str] = []
    failed = make.attempts(host, book, Plan((Change("daemon", (), (STEP,)), tried)), said.append)
    assert {name: why.code for name, why in failed.items()} == {"builder": "not-installed"}
    assert said[-1].startswith("builder: left as it is: ")


@pytest.mark.parametrize("leaves", [{"log-level": "debug"}, {"debug": True}], ids=["restart", "reload"])
def test_docker_restarts_after_the_last_setting_was_written(tmp_path: Path, leaves: dict[str, object]) -> None:
    """Somebody has emptied the file, and Docker has not started again since: the image store is in effect still."""
    host = Host(tmp_path)
    (tmp_path / FILE.lstrip("/")).write_text('{"features": {"containerd-snapshotter": true}}')
    host.start()
    (tmp_path / FILE.lstrip("/")).write_text("{}")
    wanted = WANTED._replace(daemon=leaves, image_store=ImageStore(), only=("daemon", "image store"))
    made = plan.make(host, facts.gather(host, wanted), wanted)
    assert [c.resource for c in made.changes if c.restart] == ["image store"]
    done = apply.apply(host, Configuration(wanted), lambda _: None, only=wanted.only)
    assert done.status == Exit.OK
    assert (host.restarts + host.reloads, host.info()["Driver"]) == (1, "overlayfs")
