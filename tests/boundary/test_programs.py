"""Programs that leave processes behind do not block us."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import CommandError
from provisioner.host import System, programs, remote
from provisioner.model import Ran

CHECKOUT = Path(__file__).parents[2]
ENVIRONMENT = {"PATH": os.defpath}
LEAVES = "setsid sleep infinity {streams} & echo $! >{pid}; "


def spawn(
    argv: tuple[str, ...], program: str, environment: dict[str, str], text: str, timeout: int, **more: Any
) -> Ran:
    """Run a program and wait for its end."""
    with programs.meanwhile(argv, program, environment, timeout, **more) as wait:
        return wait(text)


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Path]:
    """The file in which a program writes the ID of the process that it leaves running."""
    yield tmp_path / "pid"
    with contextlib.suppress(FileNotFoundError, ValueError):  # a busy machine may not even have started it
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_what_has_left_the_session_of_a_late_program_is_not_waited_for(left: Path) -> None:
    script = LEAVES.format(streams="", pid=left) + "sleep infinity"
    with pytest.raises(CommandError, match="did not end within 2 s"):
        spawn(("sh", "-c", script), "/bin/sh", ENVIRONMENT, "", 2)


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


AGENT = """
import sys
sys.path.insert(0, sys.argv[1])
from provisioner.host import System
System("/", {}).run(("sh", "-c", sys.argv[2]), 60)
"""
WORK = "echo $$ >$0; exec sleep 600"


@pytest.mark.parametrize("content", [b"", b"#!/no/such/interpreter\n", b"\x7fELF of another machine"])
def test_a_program_that_the_kernel_does_not_start_is_named(tmp_path: Path, content: bytes) -> None:
    program = tmp_path / "docker"
    program.write_bytes(content)
    program.chmod(0o755)
    with pytest.raises(CommandError, match=f"{program} does not start") as raised:
        spawn(("docker", "version"), str(program), ENVIRONMENT, "", 2)
    assert raised.value.hint == f"look at the file: file {program}"


FAMILIES = {
    "a child": 'sh -c "{work}" {file} & wait',
    "a grandchild": "sh -c 'sh -c \"{work}\" {file} & wait' & wait",
    "a child in a session of its own": 'setsid sh -c "{work}" {file} & wait',
}


def alive(pid: int) -> bool:
    """Whether a process still runs. A zombie does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(there: Callable[[], bool]) -> None:
    for _ in range(400):
        if there():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


@pytest.mark.parametrize("name", FAMILIES)
def test_all_that_a_program_has_started_ends_with_an_agent_that_is_killed(tmp_path: Path, name: str) -> None:
    file = tmp_path / "pid"
    script = FAMILIES[name].format(work=WORK.replace("$", "\\$"), file=file)
    agent = subprocess.Popen((sys.executable, "-c", AGENT, str(CHECKOUT), script))
    until(lambda: file.exists() and file.read_text().endswith("\n"))
    member = int(file.read_text())
    try:
        agent.kill()
        agent.wait()
        until(lambda: not alive(member))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


def test_a_daemon_that_a_program_has_left_goes_on_after_its_end(left: Path) -> None:
    System("/", {}).run(("sh", "-c", LEAVES.format(streams=">/dev/null 2>&1 </dev/null", pid=left)), 20)
    os.kill(int(left.read_text()), 0)


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", -15), ("kill -9 $$", -9)]
)
def test_a_program_s_end_is_told_as_it_was(script: str, status: int) -> None:
    assert spawn(("sh", "-c", script), "/bin/sh", ENVIRONMENT, "", 20, tied=True).status == status


def test_a_program_that_is_gone_by_now_is_named() -> None:
    with pytest.raises(CommandError, match="/no/such/program does not start: No such file or directory"):
        spawn(("x",), "/no/such/program", ENVIRONMENT, "", 20, tied=True)


def test_no_signal_is_blocked_in_a_program() -> None:
    said = spawn(("sh", "-c", "grep SigBlk /proc/self/status"), "/bin/sh", ENVIRONMENT, "", 20, tied=True)
    assert int(said.stdout.split()[1], 16) == 0


@pytest.mark.parametrize(
    ("there", "folder"),
    [({}, "/run/user/1000"), ({"XDG_RUNTIME_DIR": "/run/elsewhere"}, "/run/elsewhere")],
    ids=["cron and sudo", "a session"],
)
def test_a_user_s_programs_find_the_session_that_cron_does_not_name(
    tmp_path: Path, there: dict[str, str], folder: str
) -> None:
    program = tmp_path / "usr/bin/systemctl"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$XDG_RUNTIME_DIR"\n')
    program.chmod(0o755)
    host = System(str(tmp_path), there)
    host.uid = 1000
    assert host.run(("systemctl",), 20) == f"{folder}\n"


def test_root_s_programs_get_nobody_s_session(tmp_path: Path) -> None:
    program = tmp_path / "usr/bin/systemctl"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$XDG_RUNTIME_DIR"\n')
    program.chmod(0o755)
    host = System(str(tmp_path), {"XDG_RUNTIME_DIR": "/run/user/1000"})
    host.uid = 0
    assert host.run(("systemctl",), 20) == "\n"


LATE = "sleep .5; wc -c; head -c {out} /dev/zero"  # reads its stdin to the end, but not at once


@pytest.mark.parametrize("out", [0, 1_000_000])
@pytest.mark.parametrize("size", [0, 5, 65_536, 65_537, 1_000_000])
def test_a_program_that_is_heard_gets_all_of_its_stdin_however_late_it_reads(size: int, out: int) -> None:
    heard: list[str] = []
    script = LATE.format(out=out)
    ran = spawn(("sh", "-c", script), "/bin/sh", ENVIRONMENT, "x" * size, 20, heard=heard.append)
    counted, _, rest = ran.stdout.partition("\n")
    assert (ran.status, int(counted), len(rest)) == (0, size, out)
    assert heard


def test_a_program_that_is_heard_may_leave_its_stdin_unread() -> None:
    ran = spawn(
        ("sh", "-c", "exec <&-; sleep .5; echo no >&2; exit 3"), "/bin/sh", ENVIRONMENT, "x" * 200_000, 20, heard=print
    )
    assert (ran.status, ran.error) == (3, "no\n")


@pytest.mark.parametrize("script", ["sleep infinity", "exec >/dev/null 2>&1; sleep infinity"])
def test_a_program_that_is_heard_is_late_too(script: str) -> None:
    with pytest.raises(CommandError, match="did not end within 1 s"):
        spawn(("sh", "-c", script), "/bin/sh", ENVIRONMENT, "x" * 200_000, 1, heard=print)


def test_the_last_words_of_a_program_s_complaints_are_heard_or_else_of_its_answer() -> None:
    heard: list[str] = []
    script = "echo answer; sleep .5; echo complaint >&2; sleep .5"
    spawn(("sh", "-c", script), "/bin/sh", ENVIRONMENT, "", 20, heard=heard.append)
    assert {"answer\n", "complaint\n"} <= set(heard)
    assert heard[-1] == "complaint\n"


def test_a_program_of_a_block_that_was_never_left_is_ended_before_an_undo(tmp_path: Path) -> None:
    started = System("/", {}).meanwhile(("sh", "-c", f"echo $$ >{tmp_path}/pid; exec sleep 600"), 60)
    started.__enter__()
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        time.sleep(0.01)
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    System("/", {}).end_programs()
    for _ in range(500):
        if not alive(pid):
            break
        time.sleep(0.01)
    assert not alive(pid)
    started.__exit__(None, None, None)


LOGIN = "DOCKER_AUTH_CONFIG"
SAY = f'#!/bin/sh\necho "got ${{{LOGIN}-nothing}}"\n'
GETS_IT = {
    "docker": True,
    "docker-credential-kept": True,
    "dockerd": False,
    "apt-get": False,
    "env": False,
    "ssh": False,
}


@pytest.mark.parametrize("name", GETS_IT)
def test_the_logins_of_the_environment_go_to_docker_and_the_credential_helpers_alone(tmp_path: Path, name: str) -> None:
    program = tmp_path / "usr/bin" / name
    program.parent.mkdir(parents=True)
    program.write_text(SAY)
    program.chmod(0o755)
    host = System(str(tmp_path), {LOGIN: "s3cret"})
    expected = "got s3cret\n" if GETS_IT[name] else "got nothing\n"
    assert host.ask(name, "buildx", "version").stdout == expected
    assert host.run((name,), 20) == expected
