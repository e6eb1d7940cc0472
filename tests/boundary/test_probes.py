"""How test programs are judged, and what a signal in the middle of starting one leaves behind.

A program counts as running, and the file that runs it is looked at, only once it has printed something.
"""

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


# Deliver a signal when the n-th call of a kind returns, as the kernel may at any moment. The first signal becomes an
# exception, and what runs next must find this process as it was.
SIGNALLED = """\
import os, signal, sys
from provisioner.errors import ProvisionerError
from provisioner.host import identity, probes
from provisioner.runs.session import interruptible

names, at, what = sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3]
seen = 0

def listen(frame, event, function):
    global seen
    if event == "c_return" and function.__name__ in names:
        seen += 1
        if seen == at:
            signal.raise_signal(signal.SIGTERM)

def portrait():
    return os.stat("/").st_ino, os.getcwd(), os.geteuid(), os.getegid(), os.getgroups()

before, account = portrait(), identity.account("nobody")
sys.setprofile(listen)
try:
    with interruptible():
        if what == "become":
            with identity.become(account):
                os.listdir("/")
        else:
            probes.finish(probes.start(b"no program", bare=True), 0.0, None)
        print("went on")
except ProvisionerError as e:
    print(e.message)
sys.setprofile(None)
print(seen >= at, portrait() == before)
"""
CALLS = {"become": ("setgroups,setegid,seteuid,listdir", 7), "probe": ("chroot,posix_spawn,fchdir", 4)}


@pytest.mark.parametrize(("what", "at"), [(what, n + 1) for what, (_, calls) in CALLS.items() for n in range(calls)])
def test_a_signal_at_any_call_leaves_root_its_directory_and_its_rights(what: str, at: int) -> None:
    """Otherwise, the undo that it starts would look for the history in the wrong place, or with wrong rights."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user, or change its root directory")
    argv = (sys.executable, "-c", SIGNALLED, CALLS[what][0], str(at), what)
    ran = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=CHECKOUT)
    assert ran.stdout == "interrupted by SIGTERM; nothing was changed\nTrue True\n"
