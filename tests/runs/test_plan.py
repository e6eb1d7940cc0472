"""A plan for a user who may not see everything: what is hidden is unknown, and the rest is planned."""

from pathlib import Path

from provisioner.config.desired import Desired, ImageStore
from provisioner.engine import facts
from provisioner.errors import DeniedError
from provisioner.model import Unknown
from provisioner.runs import plan
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
