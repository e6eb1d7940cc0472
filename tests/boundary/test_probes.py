"""A test program counts as running, and the file that runs it is looked at, only once it has printed something."""

import os
import time

from provisioner.host import probes

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
