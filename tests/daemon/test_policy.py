"""When the daemon may be restarted: the time windows, and which processes count as a build."""

import os
import pwd
import re
from pathlib import Path

import pytest

from provisioner.config.desired import DAYS, Desired, Restarts, Window
from provisioner.daemon import managers, policy, windows
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.engine.info import engine
from provisioner.errors import ConfigError
from provisioner.host import System

WHERE = Endpoint("default", "unix:///s", "default")
FACTS = Facts(WHERE, engine({}, WHERE), "/s", (), "/d", False, (), {}, True)
NIGHT = Window(("sat", "sun"), "22:30", "4h", "UTC")
WEEK = Window(("mon",), "00:00", "9999m", "UTC")  # six days, 22 hours and 39 minutes


@pytest.mark.parametrize(
    ("window", "now", "is_open"),
    [
        (NIGHT, "2026-11-21T22:29:59Z", False),  # a Saturday
        (NIGHT, "2026-11-21T22:30:00Z", True),
        (NIGHT, "2026-11-22T02:29:59Z", True),
        (NIGHT, "2026-11-22T02:30:00Z", False),
        (NIGHT, "2026-11-23T00:00:00Z", True),  # a window that began on Sunday
        (NIGHT, "2026-11-23T02:30:00Z", False),
        (NIGHT, "2026-11-24T23:00:00Z", False),
        (Window(DAYS, "00:00", "24h", "UTC"), "2026-12-31T23:59:59Z", True),
        (Window(DAYS, "23:59", "1m", "UTC"), "2026-11-24T00:00:00Z", False),
        (WEEK, "2026-11-29T22:38:59Z", True),
        (WEEK, "2026-11-29T22:39:00Z", False),
        (WEEK, "2026-11-30T00:00:00Z", True),
    ],
)
def test_a_window_is_open_from_its_start_for_its_length(window: Window, now: str, is_open: bool) -> None:
    assert windows.is_open(window, now) is is_open


@pytest.mark.parametrize("rule", [Restarts("never"), Restarts("always", Window((), "00:00", "1m", "UTC"))])
def test_whatever_forbids_a_restart_is_known_as_such(rule: Restarts) -> None:
    obstacle = policy.obstacle(System(), FACTS, Desired(restart=rule))
    assert obstacle is not None
    assert obstacle.restart


def test_a_restart_that_is_left_to_a_person_and_one_that_would_stop_a_container_are_forbidden_restarts() -> None:
    assert managers.OWED.restart
    assert policy._busy("web is running", "stop it").restart


def test_a_zone_that_the_host_does_not_know_is_named() -> None:
    with pytest.raises(ConfigError, match="no time zone 'Atlantis/Capital'"):
        windows.is_open(NIGHT._replace(zone="Atlantis/Capital"), "2026-11-21T22:30:00Z")


@pytest.mark.parametrize(
    ("line", "builds"),
    [
        ("/usr/bin/docker build .", True),
        ("docker image build .", True),
        ("docker run build", True),  # a false alarm is better than an interrupted build
        ("docker ps", False),
        ("/usr/libexec/docker/cli-plugins/docker-buildx buildx bake", True),
        ("/usr/libexec/docker/cli-plugins/docker-buildx buildx ls", False),
        ("docker-compose compose up --build", True),
        ("docker-compose compose up", False),
        ("buildctl build --frontend x", True),
        ("runc --log /var/lib/docker/buildkit/executor/runc-log.json run x", True),
        ("runc --root /run/docker/runtime-runc/moby create x", False),
        ("/usr/bin/buildkitd", False),
        ("", False),
    ],
)
def test_a_build_is_seen_by_its_client_or_by_its_step(tmp_path: Path, line: str, builds: bool) -> None:
    for pid, words in (("7", "sleep 9"), ("8", line), ("self", "docker build")):
        (tmp_path / "proc" / pid).mkdir(parents=True)
        (tmp_path / "proc" / pid / "cmdline").write_bytes(words.replace(" ", "\0").encode())
        (tmp_path / "proc" / pid / "status").write_text("Uid:\t0\t0\t0\t0\n")
    found = policy.building(System(str(tmp_path), {}), "/run/docker.sock")
    assert (found or "").startswith("process 8, ") is builds


def test_a_build_is_named_with_who_has_started_it_and_when(tmp_path: Path) -> None:
    said = System("/", {}).started(os.getpid())
    assert re.fullmatch(rf"by (\w+ as )?{pwd.getpwuid(os.getuid()).pw_name} since (\d{{4}}-\d\d-\d\d )?\d\d:\d\d", said)
    assert System(str(tmp_path / "nothing"), {}).started(os.getpid()) == ""
