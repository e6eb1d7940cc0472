"""A process's name counts only if its owner and its executable file agree."""

from pathlib import Path

import pytest

from provisioner.engine import processes
from provisioner.engine.processes import Process
from provisioner.host import System

ROOT, USER = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0\n", "Uid:\t{0}\t{1}\t0\t0\nGid:\t1000\t1000\n"


def tree(root: Path, status: str, exe: str) -> System:
    (root / "proc/7").mkdir(parents=True)
    (root / "proc/7/status").write_text(status)
    (root / "proc/7/exe").symlink_to(exe)
    host = System(str(root), {})
    host.uid = 0
    return host


@pytest.mark.parametrize(
    ("status", "exe", "counts"),
    [
        (ROOT, "/usr/bin/dockerd", True),
        (ROOT, "/usr/bin/dockerd (deleted)", True),  # after an upgrade of the package
        (ROOT, "/usr/bin/sleep", False),
        (USER.format(1000, 1000), "/usr/bin/dockerd", False),
        (USER.format(1000, 0), "/usr/bin/dockerd", False),  # a set-user-ID program counts as its caller's
        ("", "/usr/bin/dockerd", False),
    ],
)
def test_a_daemon_is_root_s_and_is_the_program_that_it_is_called_as(
    tmp_path: Path, status: str, exe: str, counts: bool
) -> None:
    host = tree(tmp_path, status, exe)
    assert processes.daemon(host, Process(7, ("dockerd",))) is counts


OURS, INIT, OTHER = "mnt:[1]", "mnt:[2]", "mnt:[3]"
DIND = f"0::/system.slice/docker-{'0a' * 32}.scope\n"


@pytest.mark.parametrize(
    ("theirs", "cgroup", "counts"),
    [
        (OURS, "0::/x\n", True),
        (INIT, "0::/x\n", True),  # we are in the sandbox of a unit
        (OTHER, "0::/x\n", False),
        (None, "0::/system.slice/docker.service\n", True),  # and the sandbox may not look
        (None, DIND, False),
    ],
)
def test_a_daemon_outside_our_sandbox_counts_and_one_in_a_container_does_not(
    tmp_path: Path, theirs: str | None, cgroup: str, counts: bool
) -> None:
    host = tree(tmp_path, ROOT, "/usr/bin/dockerd")
    for process, names in (("self", OURS), ("1", INIT), ("7", theirs)):
        (tmp_path / f"proc/{process}/ns").mkdir(parents=True, exist_ok=True)
        if names:
            (tmp_path / f"proc/{process}/ns/mnt").symlink_to(names)
    (tmp_path / "proc/7/cgroup").write_text(cgroup)
    assert processes.daemon(host, Process(7, ("dockerd",))) is counts


@pytest.mark.parametrize(
    ("mode", "gid", "groups", "counts"),
    [(0o660, 999, "999", True), (0o660, 999, "4 27", False), (0o666, 999, "4", True), (0o600, 999, "4", False)],
)
def test_only_who_may_talk_to_the_engine_builds_on_it(
    tmp_path: Path, mode: int, gid: int, groups: str, counts: bool
) -> None:
    host = tree(tmp_path, USER.format(1000, 1000) + f"Groups:\t{groups}\n", "/usr/bin/docker")
    socket = tmp_path / "docker.sock"
    socket.touch()
    socket.chmod(mode)
    there = host.stat("/docker.sock")
    assert there is not None
    if there.uid == 0:
        import os

        os.chown(socket, 0, gid)
        assert processes.reaches(host, Process(7, ("docker", "build")), "/docker.sock") is counts
    else:
        pytest.fail("this test changes the group of a file: run it as root")
