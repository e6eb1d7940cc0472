"""A look at a lock tells who holds it, and never takes it from a run that starts at that moment."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioner.errors import BusyError
from provisioner.host import System, people
from tests.helpers.story import CHECKOUT

LOCK = "/run/lock"
HOLDS = """\
import sys
from provisioner.host import System
with System(sys.argv[1], {}).lock("/run/lock"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(tree: Path) -> Iterator[int]:
    """Another process holds the lock."""
    argv = (sys.executable, "-c", HOLDS, str(tree))
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process.pid
    finally:
        process.communicate("")


def test_the_holder_of_a_lock_is_named_until_it_ends(tmp_path: Path) -> None:
    host = System(str(tmp_path), {})
    assert host.holder(LOCK) is None
    with held(tmp_path) as pid:
        assert host.holder(LOCK) == pid
        with pytest.raises(BusyError, match=f"process {pid}"), host.lock(LOCK):
            pass
    assert (tmp_path / "run/lock").read_text() == str(pid)
    assert host.holder(LOCK) is None


def test_nobody_is_named_by_the_number_of_an_earlier_run(tmp_path: Path) -> None:
    """A run that has just begun has not written its own yet, and one in a container writes that of its own count."""
    with held(tmp_path):
        (tmp_path / "run/lock").write_text("1")  # there is such a process, and it holds no lock
        with pytest.raises(BusyError) as refused, System(str(tmp_path), {}).lock(LOCK):
            pass
    assert refused.value.message == "another provisioner (process 1) is changing this host"


LOGINS = {  # by what the kernel remembers of the session
    "": "{user}",
    "4294967295": "{user}",  # no session
    "0": "{user}",
    "54321": "54321 as {user}",
    "odd": "{user}",
}


@pytest.mark.parametrize("login", LOGINS)
def test_who_became_root_is_named_too(tmp_path: Path, login: str) -> None:
    folder = tmp_path / str(os.getpid())
    folder.mkdir()
    (tmp_path / "stat").write_text(Path("/proc/stat").read_text())
    for name in ("stat", "status"):
        (folder / name).write_text(Path("/proc/self", name).read_text())
    if login:
        (folder / "loginuid").write_text(login)
    who = LOGINS[login].format(user=pwd.getpwuid(os.getuid()).pw_name)
    assert people.started(os.getpid(), str(tmp_path)).startswith(f"by {who} since ")


def test_no_run_is_refused_because_somebody_looks_at_the_lock(tmp_path: Path) -> None:
    """A check looks at any time, and an apply that starts at any moment of it must get its lock."""
    host, begun, refused = System(str(tmp_path), {}), [], []

    def begin(*moment: object) -> None:
        try:
            with host.lock(LOCK):
                begun.append(moment)
        except BusyError as e:
            refused.append(e.message)

    begin()
    sys.setprofile(begin)  # at each call and each return
    try:
        host.holder(LOCK)
    finally:
        sys.setprofile(None)
    assert len(begun) > 10
    assert refused == []
