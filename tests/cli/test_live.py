"""The live line of a terminal: what runs now and what it says; plain lines everywhere else."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.cli import live

pytest.importorskip("rich")
CHECKOUT = Path(__file__).parents[2]
SCRIPT = """
import os
from provisioner.cli import conversation, live
from provisioner.cli.conversation import LIVE, say
from provisioner.text.messages import Doing
from provisioner.host import System
system = System("/", dict(os.environ))
if shown := live.begin("apply", system.environ):
    LIVE[:] = [shown]
    system.listener = shown.heard
say(Doing("builder: run docker pull"))
system.run(("sh", "-c", "echo aaaaaaaaaaaa: Pull complete; echo bbbbbbbbbbbb: Waiting; sleep 0.5"), 10)
say("note: a remark\\x1b[2J")
say(Doing("proof: run linux/arm64"))
system.run(("sh", "-c", "echo building >&2; sleep 0.5"), 10)
if LIVE:
    LIVE[0].close()
"""


def shown(*, terminal: bool, **environ: str) -> str:
    """Return what the script prints on a terminal, or in a pipe."""
    env = {"PYTHONPATH": str(CHECKOUT), "HOME": "/", "PATH": "/usr/bin:/bin", "COLUMNS": "80", **environ}
    argv = (sys.executable, "-c", SCRIPT)
    if not terminal:
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stderr
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, env=env, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        try:
            while data := os.read(ours, 10_000):
                said += data
        except OSError:  # how a terminal that nobody writes to any more ends
            pass
        os.close(ours)
    assert process.returncode == 0, said
    return said.decode()


PLAIN = ["builder: run docker pull", "note: a remark\ufffd[2J", "proof: run linux/arm64"]


def test_a_terminal_shows_the_step_that_runs_and_what_its_program_says() -> None:
    said = shown(terminal=True, TERM="xterm-256color")
    assert "1 of 2 layers" in said
    assert "building" in said
    assert "\u280b" in said
    assert "\033[2J" not in said  # a message does not drive the terminal
    assert [line for line in said.replace("\r", "").split("\n") if line in PLAIN] != []


@pytest.mark.parametrize(
    ("terminal", "environ"), [(False, {"TERM": "xterm"}), (True, {"TERM": "dumb"}), (False, {"FORCE_COLOR": "1"})]
)
def test_pipes_and_dumb_terminals_get_plain_lines(terminal: bool, environ: dict[str, str]) -> None:
    said = shown(terminal=terminal, **environ)
    assert [line.removeprefix("\033[K") for line in said.replace("\r", "").split("\n")] == [*PLAIN, ""]


def test_no_color_keeps_the_line_and_drops_the_colors() -> None:
    assert "1 of 2 layers" in shown(terminal=True, TERM="xterm-256color", NO_COLOR="1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x\n\n  Unpacking docker-buildx (0.13.1) ...\n\n", "Unpacking docker-buildx (0.13.1) ..."),
        (
            '{"status":"Loading","progressDetail":{"current":12000000,"total":60000000}}\n',
            "Loading 12 of 60 MB",
        ),
        ('{"status":"Pulling from tonistiigi/binfmt","progressDetail":{}}', "Pulling from tonistiigi/binfmt"),
        ("{no json", ""),
        ("#5 [linux/arm64 2/2] RUN x\033[2J", "#5 [linux/arm64 2/2] RUN x\ufffd[2J"),
        ("", ""),
    ],
)
def test_the_last_thing_that_was_said_counts(text: str, said: str) -> None:
    assert live.detail(text) == said


@pytest.mark.parametrize("command", ["check", "plan", "detect", "report"])
def test_a_command_that_answers_at_once_has_no_live_line(command: str) -> None:
    assert live.begin(command, {"TERM": "xterm"}) is None
