"""Which builders and registrations are no longer wanted, and which are somebody else's."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.builder import changes, unwanted
from provisioner.builder.keys import words
from provisioner.builder.wanted import Wanted
from provisioner.config.desired import AUTO, Builder, Desired
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.engine.info import engine
from provisioner.host import System
from provisioner.model import Difference

SOCKET = "unix:///var/run/docker.sock"
WHERE = Endpoint("", SOCKET, "/var/run/docker.sock")
SEEN = Facts(WHERE, engine({}, WHERE), "/s", (), "/d", False, (), {}, True)
MADE = {"old": ("root", "dev"), "new": ("root", "dev"), "cache": ()}


def found(*keep: str, users: tuple[str, ...] = ("root",), **more: Any) -> tuple[set[str], str]:
    desired = Desired(builder=Builder("new", users=users), keep=keep)
    left = unwanted.found(desired, SEEN._replace(made=MADE, **more))
    return {words(key) for key in left.gone}, left.note


def test_another_name_and_a_user_less_are_no_longer_wanted() -> None:
    assert found() == ({"former builder old", "dev: registered"}, "")
    assert found(users=("root", "dev")) == ({"former builder old"}, "")
    assert found(caches={"buildx_buildkit_x0_state": 7})[0] > {"unused cache buildx_buildkit_x0_state"}


def test_what_is_kept_is_said_and_auto_takes_nothing_from_other_users() -> None:
    gone, note = found("builders", "users")
    assert gone == set()
    assert note.startswith("kept, if it is there: former builder old (keep: builders); ")
    assert note.endswith("dev: registered (keep: users)")
    assert found(AUTO) == ({"former builder old"}, "")


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        (None, None),
        ("{", "a file that buildx cannot read"),
        (json.dumps({"Name": "b", "Driver": "docker-container", "Nodes": []}), None),
        (json.dumps({"Name": "b", "Driver": "remote", "Nodes": [{"Name": "b0", "Endpoint": "tcp://x"}]}), "remote"),
        *(
            (json.dumps({"Name": "b", "Driver": "docker-container", "Nodes": [{"Name": "b0", "Endpoint": at}]}), said)
            for at, said in ((SOCKET, "docker-container"), ("unix:///other.sock", None))
        ),
    ],
)
def test_one_of_that_name_on_another_engine_is_not_meant(tmp_path: Path, text: str | None, driver: object) -> None:
    home = tmp_path / "root/.docker/buildx/instances"
    home.mkdir(parents=True)
    if text is not None:
        (home / "b").write_text(text)
    assert unwanted.registered(System(str(tmp_path), {}), "b", "root", SOCKET) == driver


def test_nobody_loses_a_builder_for_one_that_cannot_be_made(tmp_path: Path) -> None:
    host = System(str(tmp_path), {})  # without docker's command line
    desired = Desired(builder=Builder("new", users=("root",)))
    seen = SEEN._replace(made={"old": ("root",)}, socket="")
    want = Wanted(desired.builder, seen, desired)
    wrong = (Difference("registered", None, "docker-container"), Difference("former builder old", "registered", None))
    made = changes.change(
        "builder", host, SEEN._replace(made={"old": ("root",)}, socket=""), want, wrong, packages=False
    )
    assert (made.edits, made.after) == ((), ())
    assert {blocked.key for blocked in made.blocked} >= {"registered", "former builder old"}
