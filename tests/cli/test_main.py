"""The program as a process: what it does where nobody listens."""

import contextlib
import os
import pty
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner.cli import conversation, main, plans
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.model import Difference
from provisioner.steps import Change, Obstacle, Plan, Step
from provisioner.text.messages import Progress
from tests.helpers import recorded

CHECKOUT = Path(__file__).parents[2]
NOWHERE = {"DOCKER_HOST": "unix:///no/such\033[2J/socket", "PYTHONPATH": str(CHECKOUT), "HOME": "/"}


@pytest.mark.parametrize("closed", ["", "2>&-", ">&-", "<&- >&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize(("command", "status"), [("schema", 0), ("check", 69), ("nonsense", 64)])
def test_a_stream_that_is_closed_changes_no_exit_status(command: str, status: int, closed: str) -> None:
    script = f'"$0" -m provisioner {command} {closed}'
    ran = subprocess.run(("/bin/sh", "-c", script, sys.executable), env=NOWHERE, capture_output=True, check=False)
    assert ran.returncode == status, ran.stderr


def test_an_answer_that_nobody_reads_changes_no_exit_status() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    argv = (sys.executable, "-m", "provisioner", "schema")
    ran = subprocess.run(argv, env=NOWHERE, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_an_answer_that_could_not_be_written_is_no_success() -> None:
    script = '"$0" -m provisioner schema >/dev/full'
    ran = subprocess.run(("/bin/sh", "-c", script, sys.executable), env=NOWHERE, capture_output=True, check=False)
    assert (ran.returncode, b"could not be written: No space left" in ran.stderr) == (1, True)


def test_a_check_says_nothing_of_an_engine_that_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "pinned.yaml").write_text("engine: unix:///no/such/pinned.sock\n")
    argv = (sys.executable, "-m", "provisioner", "check", "--config", str(tmp_path / "pinned.yaml"))
    elsewhere = {"PYTHONPATH": str(CHECKOUT), "HOME": "/", "DOCKER_CONTEXT": "gone"}
    ran = subprocess.run(argv, env=elsewhere, capture_output=True, text=True, check=False)
    assert (ran.returncode, "pinned.sock: no engine listens there" in ran.stderr) == (69, True), ran.stderr


def test_an_address_without_a_scheme_is_one_of_tcp_as_for_docker(tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "provisioner", "check", "--host", "127.0.0.1:1")
    there = {"PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path)}
    ran = subprocess.run(argv, env=there, capture_output=True, text=True, check=False)
    assert (ran.returncode, "tcp://127.0.0.1:1: the engine does not answer" in ran.stderr) == (69, True), ran.stderr


def test_a_monitoring_plug_in_that_fails_in_whatever_way_is_unknown(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    info = {"ServerVersion": "28.5.2", "Driver": "overlay2", "OSType": "linux", "Architecture": "x86_64"}
    socket = tmp_path / ".colima/docker.sock"  # of a kind that anybody may check
    argv = ("-m", "provisioner", "check", "--only=image-store", "--format=nagios", "--textfile-dir=/no/such")
    there = {"PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path), "DOCKER_HOST": f"unix://{socket}"}
    with recorded.engine(socket, {"/info": info}):
        ran = subprocess.run((sys.executable, *argv), env=there, capture_output=True, text=True, check=False)
    (line,) = ran.stdout.splitlines()
    assert (ran.returncode, line.partition(" (since")[0]) == (
        3,
        "PROVISIONER UNKNOWN - /no: No such file or directory",
    ), ran.stderr


def test_what_is_said_does_not_drive_the_terminal() -> None:
    ours, theirs = pty.openpty()
    argv = (sys.executable, "-m", "provisioner", "check")
    ran = subprocess.run(argv, env=NOWHERE, stderr=theirs, check=False)
    os.close(theirs)
    written = b""
    with contextlib.suppress(OSError):  # how a terminal that nobody writes to any more ends
        while data := os.read(ours, 10_000):
            written += data
    os.close(ours)
    said = written.decode()
    assert ran.returncode == 69
    assert "unix:///no/such\ufffd[2J/socket: no engine listens there" in said
    assert "\033[2J" not in said


def test_no_answer_drives_the_terminal(tmp_path: Path) -> None:
    info = {"ServerVersion": "28.5.2", "Driver": "\033[2Jodd\ud800", "OSType": "linux", "Architecture": "x86_64"}
    socket = tmp_path / ".colima/docker.sock"
    argv = (sys.executable, "-m", "provisioner", "plan", "--only=image-store")
    there = {"PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path), "DOCKER_HOST": f"unix://{socket}"}
    with recorded.engine(socket, {"/info": info, "/containers/json": [], "/images/json": []}):
        ran = subprocess.run(argv, env=there, capture_output=True, text=True, check=False)
    assert (ran.returncode, "\ufffd[2Jodd\ufffd -> containerd" in ran.stdout) == (2, True), ran.stderr
    assert "\033" not in ran.stdout


@pytest.mark.parametrize("command", ["plan", "check"])
@pytest.mark.parametrize("config", ["-", "/dev/stdin"])
def test_a_configuration_from_a_pipe_counts_in_the_whole_run(tmp_path: Path, command: str, config: str) -> None:
    """A pipe gives its text once. A command that read it again would compare the host with the defaults."""
    info = {"ServerVersion": "28.5.2", "Driver": "overlay2", "OSType": "linux", "Architecture": "x86_64"}
    socket = tmp_path / ".colima/docker.sock"
    argv = (sys.executable, "-m", "provisioner", command, "--only=image-store", f"--config={config}")
    there = {"PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path), "DOCKER_HOST": f"unix://{socket}"}
    with recorded.engine(socket, {"/info": info, "/containers/json": [], "/images/json": []}):
        for text, status in (("image_store: {backend: unmanaged}\n", 0), ("", 2)):
            ran = subprocess.run(argv, env=there, input=text, capture_output=True, text=True, check=False)
            assert ran.returncode == status, ran.stdout + ran.stderr


@pytest.mark.parametrize("verbose", [False, True])
def test_a_bug_is_a_bug_also_where_its_traceback_is_wanted(verbose: bool, capsys: pytest.CaptureFixture[str]) -> None:
    args = Arguments(command="plan", format="text")
    assert main._failed(System(), args, ZeroDivisionError("by zero"), verbose=verbose) == Exit.BUG
    said = capsys.readouterr().err
    assert "this is a bug in provisioner: ZeroDivisionError: by zero" in said
    assert said.count("ZeroDivisionError: by zero") == 1 + verbose


def test_progress_is_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    conversation.say(Progress("half of it"))
    conversation.say("all\nof it")
    assert capsys.readouterr().err == "all\nof it\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_an_answer_is_printed_in_every_locale(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "\u20ac.json").write_text("nonsense")
    there = {"PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path), "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    argv = (sys.executable, "-m", "provisioner", "report", str(tmp_path))
    ran = subprocess.run(argv, env={**there, "LC_ALL": "C.UTF-8"}, capture_output=True, check=False)
    assert b"bug of ours" not in ran.stderr
    assert (ran.returncode, ("\u20ac" if encoding == "utf-8" else "\\u20ac").encode() in ran.stdout) == (0, True), ran


def test_a_context_s_name_may_be_any_bytes(tmp_path: Path) -> None:
    there = {b"PYTHONPATH": bytes(CHECKOUT), b"HOME": bytes(tmp_path), b"DOCKER_CONTEXT": b"\xff\xfe"}
    argv = (sys.executable, "-m", "provisioner", "check", "--only=image-store")
    ran = subprocess.run(argv, env=there, capture_output=True, check=False)
    assert ran.returncode == 78, ran.stderr
    assert b"there is no docker context" in ran.stderr


def test_a_unit_s_status_is_the_line_that_was_said_last(tmp_path: Path) -> None:
    pytest.importorskip("systemd")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    with listener:
        env = {**NOWHERE, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        subprocess.run((sys.executable, "-m", "provisioner", "check"), env=env, capture_output=True, check=False)
        listener.settimeout(10)
        assert listener.recv(4096).decode().startswith("STATUS=provisioner: unix:///no/such")


def test_a_plan_has_colors_only_when_asked_for() -> None:
    edits = (Told("write /etc/x", "--- /etc/x\n@@ -1 +1 @@\n-old\n+new\n"), Told("say\n      +nothing"))
    blocked = Obstacle("x", "no\n      -never", "do").blocks("linux/arm64")
    made = Plan(
        (Change("emulators", (Difference("linux/arm64", None, "runs"),), edits, blocked=blocked, notes=("n",)),)
    )
    plain, colored = (plans.as_text(plans.lines(made), colored=wanted) for wanted in (False, True))
    assert re.sub("\033\\[[0-9]*m", "", colored) == plain
    assert plain.splitlines()[:3] == ["emulators", "  linux/arm64: missing -> runs", "  - write /etc/x"]
    assert {"\033[32m      +new\033[0m", "\033[31m      -old\033[0m", "      +nothing"} <= {*colored.splitlines()}
    assert {"\033[33m  blocked: no\033[0m", "\033[2m    hint: do\033[0m", "\033[33m  note: n\033[0m"} <= {
        *colored.splitlines()
    }
    assert "\033" not in plain


@dataclass(frozen=True, slots=True)
class Told(Step):
    """A step that only says what it does."""

    said: str
    changes: str = ""

    def sentence(self) -> str:
        return self.said

    def diff(self) -> str:
        return self.changes
