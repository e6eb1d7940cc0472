"""A test program counts as running, and the file that runs it is looked at, only once it has printed something."""

import os
import subprocess
import sys
import time

import pytest

from provisioner.host import probes
from tests.helpers.story import CHECKOUT

SILENT, SPEAKING = b"#!/bin/sh\nread line\n", b"#!/bin/sh\necho here\nread line\n"


def released(program: bytes, seconds: float) -> probes.Inode | None:
    begun = probes.start(program)
    deadline = time.monotonic() + seconds
    found = probes.release(begun, deadline)
    probes.finish(begun, time.monotonic() + 60, found)
    return found


def test_nothing_is_concluded_from_a_program_that_has_not_spoken() -> None:
    """Until then, the kernel may still show this Python process as the file that runs it."""
    assert released(SILENT, 0.2) is None


def test_the_file_that_runs_a_program_is_found_once_it_has_spoken() -> None:
    shell = os.stat("/bin/sh")
    assert released(SPEAKING, 60) == (shell.st_dev, shell.st_ino)


def test_a_process_that_was_another_user_still_starts_test_programs() -> None:
    """The kernel hides the files of such a process. Without CAP_SYS_PTRACE, its children cannot start from them."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    lines = (
        "from provisioner.host import identity",
        "from tests.boundary.test_probes import SPEAKING, released",
        "with identity.become(identity.account('nobody')): pass",
        "print(released(SPEAKING, 60) is not None)",
    )
    argv = ("setpriv", "--bounding-set=-sys_ptrace", sys.executable, "-c", "\n".join(lines))
    assert subprocess.run(argv, check=True, capture_output=True, text=True, cwd=CHECKOUT).stdout == "True\n"
