"""Programs that are started: nothing that they leave behind keeps us waiting."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.errors import CommandError
from provisioner.host import programs, remote

ENVIRONMENT = {"PATH": os.defpath}
LEAVES = "setsid sleep infinity {streams} & echo $! >{pid}; "


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Path]:
    """Where a program writes the number of the one that it leaves running."""
    yield tmp_path / "pid"
    with contextlib.suppress(FileNotFoundError, ValueError):  # a machine so busy that it was not even begun
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_what_has_left_the_session_of_a_late_program_is_not_waited_for(left: Path) -> None:
    script = LEAVES.format(streams="", pid=left) + "sleep infinity"
    with pytest.raises(CommandError, match="did not end within 2 s"):
        programs.spawn(("sh", "-c", script), "/bin/sh", ENVIRONMENT, "", 2)


def test_what_ssh_says_is_heard_although_it_leaves_a_connection_open(left: Path, tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\n{LEAVES.format(streams='</dev/null >/dev/null', pid=left)}echo no docker there >&2\n")
    ssh.chmod(0o755)
    wire = remote.connect("ssh://there", str(ssh), ENVIRONMENT)
    try:
        with pytest.raises(ConnectionError, match="no docker there"):
            wire.recv(100)
    finally:
        wire.close()
