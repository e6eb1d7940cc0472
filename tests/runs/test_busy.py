"""A registry that is busy is asked again before an apply gives up, and one that has no image is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioner.config import drivers
from provisioner.config.desired import Builder, Desired
from provisioner.engine import info
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.runs import busy
from tests.helpers.recorded import Refused, engine

SOCKET = "/var/run/docker.sock"
WHERE = Endpoint("default", f"unix://{SOCKET}", "default")
WANTED = Desired(builder=Builder(users=("root",), platforms=("linux/amd64",)), only=("builder",))
UNAVAILABLE = Refused(json.dumps({"message": "received unexpected HTTP status: 503 Service Unavailable"}).encode())


class Patient(System):
    """A host on which waiting takes no time."""

    def __init__(self, root: str) -> None:
        super().__init__(root, {})
        self.waited: list[float] = []

    def pause(self, seconds: float) -> None:
        self.waited.append(seconds)


@pytest.fixture
def host(tmp_path: Path) -> Patient:
    docker = tmp_path / "usr/bin/docker"
    docker.parent.mkdir(parents=True)
    docker.write_text("#!/bin/sh\necho github.com/docker/buildx v0.29.1 abc\n")
    docker.chmod(0o755)
    (tmp_path / "proc/self").mkdir(parents=True)
    found = Patient(str(tmp_path))
    found.uid = 0
    return found


def planned(host: Patient, answer: Callable[[], Any]) -> tuple[set[str], list[object]]:
    """Return the codes of what blocks the plan, and what was said."""
    facts = Facts(
        WHERE, info.engine({"ServerVersion": "28.5.2"}, WHERE), SOCKET, (), "/d.json", False, (), {}, True, hidden=True
    )
    said: list[object] = []
    answers = {f"/distribution/{drivers.IMAGE}/json": answer, "/networks/bridge": {}}
    with engine(Path(host.path(SOCKET)), answers):
        made = busy.patiently(host, facts, WANTED, said.append)
    return {obstacle.code for _, (_, obstacle) in made.blocked}, said


def test_a_registry_that_is_busy_is_asked_again(host: Patient) -> None:
    answers: list[Any] = [UNAVAILABLE, UNAVAILABLE, {}]
    codes, said = planned(host, lambda: answers.pop(0) if len(answers) > 1 else answers[0])
    assert "registry-busy" not in codes
    assert host.waited == [5.0, 10.0]
    assert "503 Service Unavailable; it is asked again in 5 s" in str(said[0])


def test_a_registry_that_stays_busy_blocks_the_builder_after_two_minutes(host: Patient) -> None:
    codes, _ = planned(host, lambda: UNAVAILABLE)
    assert codes == {"registry-busy"}
    assert sum(host.waited) == 120


def test_a_registry_without_the_image_is_not_asked_again(host: Patient) -> None:
    codes, said = planned(host, lambda: None)
    assert (codes, host.waited, said) == ({"no-image"}, [], [])
