"""How the daemon will be started next, according to what systemd reports about its unit."""

from pathlib import Path

import pytest

from provisioner.daemon import managers, start_line
from provisioner.host import System

EXEC = "{ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd %s ; ignore_errors=no ; start_time=[n/a] ; pid=0 }"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("run/systemd/system", "usr/bin", "etc/default", "proc/self"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def started(root: Path, flags: str, *more: str, running: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the flags of the next start. ``systemctl show`` prints ``flags`` in a command line, and ``more``."""
    shown = "\n".join((f"ExecStart={EXEC % flags}", "MainPID=7", *more))
    (root / "shown").write_text(shown)
    systemctl = root / "usr/bin/systemctl"
    systemctl.write_text(f"#!/bin/sh\n/bin/cat {root}/shown\n")
    systemctl.chmod(0o755)
    return start_line.start(System(str(root), {}), managers.ROOT, running).argv[1:]


def test_every_environment_file_has_its_say(root: Path) -> None:
    (root / "etc/default/docker").write_text('DOCKER_OPTS="-s overlay2"\n')
    (root / "etc/default/more words").write_text("OTHER=--debug\n")
    files = ("/etc/default/docker (ignore_errors=yes)", "/etc/default/more words (ignore_errors=no)")
    flags = started(root, "-H fd:// $DOCKER_OPTS $OTHER", *(f"EnvironmentFiles={f}" for f in files))
    assert flags == ("-H", "fd://", "-s", "overlay2", "--debug")


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ('DOCKER_OPTS="--debug \\\n  -s overlay2"\n', ("--debug", "-s", "overlay2")),
        ("# don't touch\nDOCKER_OPTS=--debug\n", ("--debug",)),
        ("MOTTO=don't\nDOCKER_OPTS=--debug\n", ("--debug",)),
        ('DOCKER_OPTS="--debug\n', ("--debug",)),
    ],
)
def test_an_environment_file_is_read_however_it_is_quoted(root: Path, text: str, flags: tuple[str, ...]) -> None:
    (root / "etc/default/docker").write_text(text)
    assert started(root, "$DOCKER_OPTS", "EnvironmentFiles=/etc/default/docker (ignore_errors=yes)") == flags


def test_a_flag_with_blanks_in_it_is_one_word_as_long_as_the_daemon_runs_with_it(root: Path) -> None:
    running = ("--log-opt", "tag={{.Name}} {{.ID}}")
    assert started(root, "--log-opt tag={{.Name}} {{.ID}}", running=running) == running
    assert started(root, "--debug", running=running) == ("--debug",)


@pytest.mark.parametrize(("said", "told"), [("yes", True), ("no", False), ("", False)])
def test_a_unit_that_systemd_has_not_read_again_is_told(root: Path, said: str, told: bool) -> None:
    started(root, "--debug")
    (root / "shown").write_text(f"NeedDaemonReload={said}\n")
    note = start_line.stale(System(str(root), {}), managers.ROOT)
    assert bool(note) is told
    assert not told or "`systemctl daemon-reload`" in note


def test_where_nothing_of_systemd_runs_no_unit_is_judged(tmp_path: Path) -> None:
    assert not start_line.stale(System(str(tmp_path), {}), managers.ROOT)
