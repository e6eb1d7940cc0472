"""What is taken back, and what a signal may stop of that: on this machine's files, with a state of its own."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.config.desired import Desired
from provisioner.errors import ProvisionerError, RollbackFailedError
from provisioner.host import System
from provisioner.runs import confirm, journal, receipts, removal, rollback
from provisioner.runs.journal import Journal
from provisioner.runs.session import Interrupted, interruptible, uninterruptible
from provisioner.steps.files import WriteFile
from provisioner.steps.programs import Run

WANTED = Desired(platforms=("linux/amd64",), only=("emulators",))  # which no machine lacks, and no engine is asked


@pytest.fixture
def host(tmp_path: Path) -> System:
    system = System("/", {}, "x86_64")
    system.uid = 0
    system.state, system.runtime = str(tmp_path / "state"), str(tmp_path / "run")
    return system


@pytest.fixture
def stop() -> Iterator[None]:
    """SIGTERM is what the code under test makes of it, and nothing else, while a test runs."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def cut_off(host: System, tmp_path: Path, text: str = "theirs") -> Path:
    """A file that an apply was about to write over when it was killed."""
    file = tmp_path / "file"
    file.write_text(text)
    book = Journal(host, (receipts.numbers(host) or (0,))[-1] + 1)
    book.begin("0", WANTED, ())
    book.step(WriteFile(str(file), "ours"), (WriteFile(str(file), text),))
    file.write_text("ours")
    return file


def test_a_rollback_to_a_run_that_was_cut_off_undoes_that_and_says_so(host: System, tmp_path: Path) -> None:
    file = cut_off(host, tmp_path)
    assert rollback.rollback(host, 1, print) == (1,)
    assert file.read_text() == "theirs"
    with pytest.raises(ProvisionerError, match="receipt 1 has been undone already"):
        rollback.rollback(host, 1, print)


def test_a_kill_before_the_rename_leaves_no_temporary_file_once_it_is_undone(host: System, tmp_path: Path) -> None:
    file = cut_off(host, tmp_path)
    file.write_text("theirs")  # the new content was not yet renamed to it
    (tmp_path / ".file.provisioner").write_text("ours")
    assert rollback.rollback(host, 1, print) == (1,)
    assert file.read_text() == "theirs"
    assert not (tmp_path / ".file.provisioner").exists()


def test_what_was_cut_off_cannot_be_confirmed(host: System, tmp_path: Path) -> None:
    assert confirm.confirmed(host, print) == ()
    cut_off(host, tmp_path)
    with pytest.raises(ProvisionerError, match=r"\(receipt 1\) was cut off"):
        confirm.confirmed(host, print)
    rollback.recovered(host, print)
    assert confirm.confirmed(host, print) == ()


def test_a_removal_undoes_a_run_that_was_cut_off(host: System, tmp_path: Path) -> None:
    file = cut_off(host, tmp_path)
    assert removal.remove(host, print)[1] == ()
    assert file.read_text() == "theirs"
    assert journal.cut_off(host) is None


SCRIPT = """\
#!{python}
import sys
sys.path.insert(0, {checkout!r})
from provisioner.errors import ProvisionerError
from provisioner.host import System
from provisioner.runs import confirm
class Host(System):
    def program(self, name):
        return None
    def stat(self, path):
        return super().stat("/" if path == "/run/systemd/system" else path)
try:
    print(confirm.alarm(Host(), 1, 60).argv[-4])
except ProvisionerError as e:
    print(e.message.partition(":")[0])
"""


@pytest.mark.parametrize("name", ["provisioner", "another"])
def test_a_program_outside_the_path_of_programs_is_started_again_from_where_it_lies(tmp_path: Path, name: str) -> None:
    """With a virtual environment or a prefix of its own, ``apply --confirm`` names the program that runs."""
    program = tmp_path / name
    program.write_text(SCRIPT.format(python=sys.executable, checkout=str(Path(__file__).parents[2])))
    program.chmod(0o755)
    said = subprocess.run((f"./{name}",), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout == f"{program if name == 'provisioner' else 'systemd cannot start provisioner later'}\n"


@pytest.mark.usefixtures("stop")
def test_a_second_signal_does_not_stop_what_the_first_has_begun() -> None:
    reached = []

    @interruptible()
    def run() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except Interrupted:
            signal.raise_signal(signal.SIGTERM)
            reached.append("the end of what it began")
            raise

    with pytest.raises(ProvisionerError, match="interrupted by SIGTERM; nothing was changed"):
        run()
    assert reached


@pytest.mark.usefixtures("stop")
def test_a_signal_that_we_were_started_to_ignore_is_ignored() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with interruptible():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


@pytest.mark.usefixtures("stop")
def test_a_signal_during_an_undo_is_heard_after_it() -> None:
    reached = []

    @interruptible()
    def run() -> None:
        with uninterruptible(), uninterruptible():
            signal.raise_signal(signal.SIGTERM)
            reached.append("the end of the undo")
        reached.append("what would follow")

    with pytest.raises(ProvisionerError, match="SIGTERM; what was undone stays undone"):
        run()
    assert reached == ["the end of the undo"]


@pytest.mark.usefixtures("stop")
def test_a_signal_does_not_hide_how_an_undo_has_failed() -> None:
    @interruptible()
    @uninterruptible()
    def run() -> None:
        signal.raise_signal(signal.SIGTERM)
        raise RollbackFailedError("what is left")

    with pytest.raises(RollbackFailedError, match="what is left"):
        run()


@pytest.mark.usefixtures("stop")
def test_a_signal_during_a_rollback_changes_nothing_about_its_answer(host: System, tmp_path: Path) -> None:
    file = cut_off(host, tmp_path)
    Journal(host, 1).end("converged")

    def say(sentence: str) -> None:
        if "undo:" in sentence:
            signal.raise_signal(signal.SIGTERM)

    assert rollback.rollback(host, None, say) == (1,)
    assert file.read_text() == "theirs"


def test_a_program_starts_with_no_signal_blocked_even_in_an_undo(host: System) -> None:
    with uninterruptible():
        assert host.run(("grep", "SigBlk", "/proc/self/status"), 10).split() == ["SigBlk:", "0" * 16]


@pytest.mark.parametrize("uid", [0, 1000])
def test_an_apply_waits_to_be_confirmed_only_if_its_timer_outlives_the_session(tmp_path: Path, uid: int) -> None:
    """Without lingering, systemd ends a user's timers when the user logs out."""
    system = System(str(tmp_path), {}, "x86_64")
    system.uid = uid
    program = tmp_path / "usr/bin/provisioner"
    for folder in ("proc/self", "run/systemd/system", "usr/bin", "var/lib/systemd/linger"):
        (tmp_path / folder).mkdir(parents=True)
    program.touch(0o755)
    if uid:
        with pytest.raises(ProvisionerError, match="your timers end when you log out") as refused:
            confirm.alarm(system, 1, 600)
        assert f"loginctl enable-linger {system.user}" in (refused.value.hint or "")
        (tmp_path / "var/lib/systemd/linger" / system.user).touch()
    step = confirm.alarm(system, 1, 600)
    assert isinstance(step, Run)
    assert ("--user" in step.argv) == bool(uid)


# Like systemd, it has forgotten the service of a timer that never fired. With the file ``stuck``, it stops nothing.
SYSTEMCTL = """\
#!/bin/sh
echo "$@" >> {folder}/asked
case "$2" in *.service) exit 5 ;; esac
[ ! -e {folder}/stuck ]
"""


def test_a_confirmation_stops_the_timer_and_a_rollback_that_it_may_have_started(tmp_path: Path) -> None:
    """Such a rollback waits for the lock, and would otherwise come after the confirmation."""
    system = System(str(tmp_path), {}, "x86_64")
    system.uid = 0
    program = tmp_path / "usr/bin/systemctl"
    for folder in ("proc/self", "usr/bin", "var/lib"):
        (tmp_path / folder).mkdir(parents=True)
    program.write_text(SYSTEMCTL.format(folder=tmp_path))
    program.chmod(0o755)
    book = Journal(system, 1)
    book.begin("0", WANTED, (), "2999-01-01T00:00:00Z")
    book.end(receipts.UNCONFIRMED)
    (tmp_path / "stuck").touch()
    with pytest.raises(ProvisionerError, match="it could not be confirmed"):
        confirm.confirmed(system, print)
    assert journal.read(system, 1).outcome == receipts.UNCONFIRMED
    (tmp_path / "stuck").unlink()
    assert confirm.confirmed(system, print) == (1,)
    stopped = {line.split()[-1] for line in (tmp_path / "asked").read_text().splitlines()}
    assert stopped == {"provisioner-confirm-1.timer", "provisioner-confirm-1.service"}
