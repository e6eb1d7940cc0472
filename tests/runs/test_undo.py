"""What a rollback judges, what it leaves, and that it stands in nobody's way afterwards."""

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from provisioner.config import load
from provisioner.config.desired import Desired, ImageStore, Restarts
from provisioner.config.load import Configuration
from provisioner.daemon.restart import Reload, Restart
from provisioner.errors import Exit, ProvisionerError, RollbackFailedError, RolledBackError
from provisioner.model import Difference
from provisioner.runs import apply, confirm, journal, receipts, removal, rollback, undo
from provisioner.runs.journal import Journal
from provisioner.runs.session import interruptible
from provisioner.steps import Change, Plan, Step
from provisioner.steps.files import RemoveFile, WriteFile
from provisioner.steps.programs import Run
from tests.helpers.daemon import FILE, Host, KilledError
from tests.helpers.steps import quiet

SOCKET = "/var/run/docker.sock"
LINES = 6  # begin, change, two steps, the restart; then comes the end
WANTED = Desired(("linux/amd64",), image_store=ImageStore("unmanaged"), only=("daemon",))
EMULATORS = WANTED._replace(only=("emulators",))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def configured(wanted: Desired) -> Configuration:
    return Configuration(wanted, "", "/etc/provisioner/provisioner.yaml")


def applied(host: Host, leaves: Mapping[str, Any], **more: Any) -> apply.Outcome:
    wanted = WANTED._replace(daemon=leaves, **more)
    return apply.apply(host, configured(wanted), quiet, only=("daemon",))


def text(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.read(FILE) or "{}")
    return found


def ended(host: Host, number: int = 1, *made: tuple[Step, Step], outcome: str = "converged", **how: Any) -> None:
    """A run of which somebody's receipt tells."""
    book = Journal(host, number)
    book.begin("0", how.get("wanted", EMULATORS), how.get("before", ()), how.get("confirm_by", ""))
    book.change(how.get("resource", "emulators"), how.get("restart"), how.get("keys", ()))
    for step, back in made:
        book.step(step, (back,))
        step.do(host, quiet)
    if how.get("restart"):
        book.settle(how["restart"])
    if outcome:
        book.end(outcome)


def test_a_rollback_of_a_reload_takes_a_key_out_of_the_running_daemon(host: Host) -> None:
    assert applied(host, {"debug": True, "labels": ["a=b"]}).status == Exit.OK
    assert (host.restarts, host.effect["debug"]) == (0, True)
    assert rollback.rollback(host, None, quiet) == (1,)
    assert text(host) == {}
    assert not host.info()["Debug"]
    assert host.info()["Labels"] == []


UNDOES: dict[str, Callable[[Host], object]] = {
    "rollback": lambda host: rollback.rollback(host, None, quiet),
    "nobody confirms": lambda host: confirm.overdue(host, 1, quiet),
    "remove": lambda host: removal.remove(host, quiet),
    "remove without history": lambda host: removal.remove(host, quiet),
}


@pytest.mark.parametrize(("how", "after"), [*((how, "the same") for how in UNDOES), ("rollback", "an apply")])
@pytest.mark.parametrize("leaves", [{"log-level": "debug"}, {"debug": True}], ids=["restart", "reload"])
def test_a_daemon_knows_what_was_put_back_also_if_the_undo_was_killed_in_between(
    tmp_path: Path, how: str, leaves: dict[str, Any], after: str
) -> None:
    for life in range(40):
        host = Host(tmp_path / str(life))
        applied(host, leaves, restart=Restarts("always"))
        if how == "nobody confirms":
            Journal(host, 1).end(receipts.UNCONFIRMED)
        if how == "remove without history":
            shutil.rmtree(host.path("/var/lib/provisioner"))
        host.life, killed = life, False
        try:
            UNDOES[how](host)
        except KilledError:
            killed = True
        host.life = None
        if after == "an apply" and (begun := journal.half_undone(host)):
            applied(host, {"labels": ["a=b"]}, restart=Restarts("always"))
            assert (text(host), host.effect) == ({"labels": ["a=b"]},) * 2, life
            assert [journal.read(host, r.number).outcome for r in begun] == ["undone"]
            assert receipts.listed(host) == ()
            continue
        UNDOES[how](host)
        assert (text(host), {k: v for k, v in host.effect.items() if v}) == ({}, {}), life
        assert {r.outcome for r in journal.every(host)} <= set(journal.OVER)
        assert set(host.names(host.state)) == {"receipts"} or not how.startswith("remove")
        if not killed:
            return
    pytest.fail("it never comes to its end")


@pytest.mark.parametrize("how", ["rollback", "nobody confirms", "remove"])
def test_nothing_is_undone_where_others_can_change_the_history(host: Host, how: str) -> None:
    assert applied(host, {"log-level": "debug"}).status == Exit.OK
    if how == "nobody confirms":
        Journal(host, 1).end(receipts.UNCONFIRMED)
    Path(host.path(receipts.folder(host))).chmod(0o777)
    with pytest.raises(ProvisionerError, match=r"other users can change .*receipts") as raised:
        UNDOES[how](host)
    assert raised.value.hint
    assert (text(host), host.restarts) == ({"log-level": "debug"}, 1)


class Forgetful(Host):
    """A host whose history has room for the beginning and the end of a run only."""

    forgets = False

    def append(self, path: str, line: str) -> None:
        if self.forgets and '"end"' not in line and '"begin"' not in line:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().append(path, line)


@pytest.mark.parametrize("how", ["rollback", "remove"])
def test_an_undo_that_the_history_has_no_room_to_tell_of_is_made(tmp_path: Path, how: str) -> None:
    host = Forgetful(tmp_path)
    assert applied(host, {"log-level": "debug"}).status == Exit.OK
    host.forgets = True
    UNDOES[how](host)
    assert (text(host), host.effect) == ({}, {})


def test_an_undo_restarts_each_engine_once() -> None:
    one, other = Restart("docker.service", SOCKET), Restart("snap.docker.dockerd", "/run/other.sock")
    assert undo.once((Reload("docker.service", SOCKET), one, other, one)) == (one, other)
    assert undo.once((one, Reload("docker.service", SOCKET))) == (one,)


def test_a_rollback_is_judged_by_what_its_steps_can_have_changed(host: Host) -> None:
    mended = (("emulators", Difference("linux/arm64", "not registered", "runs")),)  # by hand, since
    ended(host, 1, (WriteFile("/etc/x", "new"), RemoveFile("/etc/x")), before=mended)
    assert rollback.rollback(host, None, quiet) == (1,)
    assert host.read("/etc/x") is None


def test_a_rollback_that_fails_names_only_what_its_steps_can_have_changed(host: Host) -> None:
    before = (
        ("daemon", Difference("log-level", None, "debug")),
        ("emulators", Difference("linux/arm64", "not registered", "runs")),  # mended by hand, since
    )
    Path(host.path(FILE)).write_text('{"log-level": "debug"}')
    step, back = WriteFile("/etc/x", "new"), Run(("docker", "rm", "ours"))  # which fails
    wanted = WANTED._replace(only=("daemon", "emulators"), daemon={"log-level": "debug"})
    ended(host, 1, (step, back), before=before, wanted=wanted, resource="daemon", keys=("log-level",))
    with pytest.raises(RollbackFailedError, match="log-level") as raised:
        rollback.rollback(host, None, quiet)
    assert "arm64" not in raised.value.message


def test_a_step_of_a_rollback_that_fails_is_said_although_the_host_is_as_it_was(host: Host) -> None:
    ended(host, 1, (WriteFile("/etc/x", "new"), Run(("docker", "rm", "ours"))))
    said: list[str] = []
    assert rollback.rollback(host, None, said.append) == (1,)
    assert any(line.startswith("note: ") and "docker" in line for line in said)


def test_a_rollback_that_failed_restarts_nothing_again_and_stands_in_nobody_s_way(host: Host) -> None:
    assert applied(host, {"log-level": "debug"}).status == Exit.OK
    before = host.restarts
    Path(host.path(FILE)).write_text('{"log-level": "debug", broken')  # so that the undo cannot put its leaf back
    with pytest.raises(RollbackFailedError, match="did not put everything back"):
        rollback.rollback(host, None, quiet)
    tried = host.restarts
    assert tried - before <= 1
    Path(host.path(FILE)).write_text("{}")
    host.start()
    assert rollback.recovered(host, quiet) == ()
    assert apply.apply(host, configured(EMULATORS), quiet, only=("emulators",)).status == Exit.OK
    assert applied(host, {}).status == Exit.OK
    assert receipts.unended(host) is None
    assert journal.read(host, 1).outcome == receipts.FAILED


def test_what_a_failed_rollback_has_left_can_be_accepted(host: Host) -> None:
    ended(host, 1, (WriteFile("/etc/x", "new"), RemoveFile("/etc/x")), outcome=receipts.FAILED)
    assert rollback.accept(host, 1).number == 1
    assert host.read("/etc/x") == "new"
    assert rollback.rollback(host, None, quiet) == ()
    with pytest.raises(ProvisionerError, match="nothing of receipt 1 is left"):
        rollback.accept(host, 1)


def test_a_boot_does_not_undo_again_what_somebody_has_put_right(host: Host) -> None:
    assert applied(host, {"log-level": "debug"}).status == Exit.OK
    Journal(host, 1).end(receipts.FAILED)
    Path(host.path(FILE)).write_text('{"log-level": "debug", "debug": true}')
    assert rollback.recover_files(host, quiet) == ()
    assert text(host) == {"log-level": "debug", "debug": True}


def test_an_engine_that_is_gone_blocks_nothing(host: Host) -> None:
    gone = WANTED._replace(engine="ssh://gone.example")
    ended(
        host,
        1,
        (WriteFile("/etc/x", "new"), RemoveFile("/etc/x")),
        outcome="",
        wanted=gone,
        resource="daemon",
        keys=("debug",),
        before=(("daemon", Difference("debug", None, True)),),
    )
    assert apply.apply(host, configured(EMULATORS), quiet, only=("emulators",)).status == Exit.OK
    assert host.read("/etc/x") is None
    assert apply.apply(host, configured(EMULATORS), quiet, only=("emulators",)).recovered is None


def test_a_rollback_that_fails_on_an_engine_that_is_gone_is_said_and_blocks_nothing(host: Host) -> None:
    gone = WANTED._replace(engine="ssh://gone.example")
    removed = Run(("docker", "rm", "ours"))  # which fails
    before = (("daemon", Difference("debug", None, True)),)
    more = {"before": before, "wanted": WANTED, "resource": "daemon", "keys": ("debug",)}
    ended(host, 1, (WriteFile("/etc/x", "new"), removed), outcome="", **{**more, "wanted": gone})
    said: list[str] = []
    outcome = apply.apply(host, configured(EMULATORS), said.append, only=("emulators",))
    assert (outcome.status, outcome.recovered) == (Exit.OK, None)
    assert any(line.startswith("note: ssh://gone.example: ") for line in said), said
    assert journal.read(host, 1).outcome == receipts.FAILED
    ended(host, 2, (WriteFile("/etc/y", "new"), removed), outcome="", **more)
    host.up = False
    with pytest.raises(RollbackFailedError):  # this host's own engine counts
        apply.apply(host, configured(EMULATORS), quiet, only=("emulators",))


def test_an_edit_of_somebody_else_s_stays_and_is_said(host: Host) -> None:
    assert applied(host, {"log-level": "debug"}).status == Exit.OK
    Path(host.path(FILE)).write_text('{"log-level": "warn"}')
    said: list[str] = []
    assert rollback.rollback(host, None, said.append) == (1,)
    assert text(host) == {"log-level": "warn"}
    assert [line for line in said if "somebody has changed that since" in line]
    assert journal.read(host, 1).outcome == "undone"


def test_what_is_already_as_it_was_needs_no_restart(host: Host) -> None:
    assert applied(host, {"log-level": "debug"}).status == Exit.OK
    Path(host.path(FILE)).unlink()
    host.start()
    before = host.restarts
    assert rollback.rollback(host, None, quiet) == (1,)
    assert host.restarts == before


def test_going_back_over_several_applies_restarts_once(host: Host) -> None:
    for level in ("debug", "warn", "error"):
        assert applied(host, {"log-level": level}, restart=Restarts("always")).status == Exit.OK
    before = host.restarts
    assert rollback.rollback(host, 1, quiet) == (3, 2, 1)
    assert host.restarts == before + 1
    assert host.read(FILE) is None


def test_nothing_undoes_what_was_proven(host: Host) -> None:
    (Path(host.root) / "etc/old").write_text("kept to go back to")
    book = Journal(host, 1)
    book.begin("0", EMULATORS, ())
    step = Run(("rm-the-old-container",))
    book.last(step)
    book.end("converged")
    from provisioner.runs import make

    said: list[str] = []
    make.last(host, (step, RemoveFile("/etc/old")), said.append)
    assert host.read("/etc/old") is None  # one that fails keeps none of the others
    assert any("left over" in line for line in said)
    assert journal.cut_off(host) is None


@pytest.mark.parametrize("command", ["apply", "rollback"])
def test_an_error_after_a_recovery_tells_of_the_recovery(host: Host, command: str) -> None:
    """Exit status 1 says that nothing was changed, and the undo of an earlier run is a change."""
    book = Journal(host, 1)
    book.begin("0", EMULATORS, ())
    book.step(WriteFile("/etc/x", "new"), (RemoveFile("/etc/x"),))
    WriteFile("/etc/x", "new").do(host, quiet)
    with pytest.raises(ProvisionerError) as failed:
        applied(host, {"debug": True}, engine="ftp://x") if command == "apply" else rollback.rollback(host, 9, quiet)
    assert failed.value.message.endswith(" (before that, provisioner undid what was cut off: history entry 1)")
    assert host.read("/etc/x") is None


def test_a_signal_after_two_recoveries_tells_of_them() -> None:
    said = r"interrupted by SIGTERM; nothing was changed \(before that, .*: history entries 4, 3\)$"
    with pytest.raises(ProvisionerError, match=said), interruptible(), rollback.told((4, 3)):
        signal.raise_signal(signal.SIGTERM)


def test_an_error_between_two_recoveries_tells_of_the_first(host: Host) -> None:
    restart = Restart("docker.service", SOCKET)
    for number in (1, 2):
        book = Journal(host, number)
        book.begin("0", WANTED, ())
        book.step(WriteFile(f"/etc/x{number}", "new"), (RemoveFile(f"/etc/x{number}"),))
        WriteFile(f"/etc/x{number}", "new").do(host, quiet)
        if number == 1:
            book.settle(restart)
    with pytest.raises(ProvisionerError) as failed:
        apply.apply(host, configured(WANTED._replace(restart=Restarts("never"))), quiet)
    assert failed.value.message.startswith("the apply of ")
    assert failed.value.message.endswith(" (before that, provisioner undid what was cut off: history entry 2)")
    assert (host.read("/etc/x1"), host.read("/etc/x2")) == ("new", None)


def test_an_apply_whose_last_step_fails_is_made(host: Host) -> None:
    """The steps that discard what was kept for a rollback come after the run's end, and undo nothing."""
    change = Change("daemon", (), (WriteFile("/etc/x", "new"),), last=(Run(("docker", "rm", "old")),))
    outcome = apply._act(host, WANTED, Plan((change,)), (), quiet, None)
    assert (outcome.status, outcome.receipt) == (Exit.OK, 1)
    assert host.read("/etc/x") == "new"
    assert journal.read(host, 1).outcome == "converged"


def test_a_confirmed_apply_is_not_taken_back_by_a_late_timer(host: Host) -> None:
    ended(host, 1, (WriteFile("/etc/x", "new"), RemoveFile("/etc/x")), outcome=receipts.UNCONFIRMED)
    Journal(host, 1).end("converged")
    assert confirm.overdue(host, 1, quiet) == ()
    assert host.read("/etc/x") == "new"


def test_an_apply_that_nobody_confirmed_is_taken_back_by_the_next_run_if_the_timer_is_gone(host: Host) -> None:
    made = (WriteFile("/etc/x", "new"), RemoveFile("/etc/x"))
    ended(host, 1, made, outcome=receipts.UNCONFIRMED, confirm_by="2020-01-01T00:00:00Z")
    assert rollback.recovered(host, quiet) == (1,)
    assert host.read("/etc/x") is None
    ended(host, 2, made, outcome=receipts.UNCONFIRMED, confirm_by="2999-01-01T00:00:00Z")
    assert rollback.recovered(host, quiet) == ()


def test_engines_wait_to_be_confirmed_side_by_side(host: Host) -> None:
    one, other = "unix:///var/run/docker.sock", "unix:///run/snap.docker/docker.sock"
    ended(host, 1, outcome=receipts.UNCONFIRMED, wanted=WANTED._replace(engine=one))
    confirm.refuse(host, other)
    with pytest.raises(ProvisionerError, match="waits to be confirmed"):
        confirm.refuse(host, one)
    ended(host, 2, outcome=receipts.UNCONFIRMED, wanted=WANTED._replace(engine=other))
    assert [r.number for r in journal.unconfirmed(host)] == [1, 2]
    assert [r.number for r in journal.open_runs(host)] == [1, 2]


def test_taking_back_an_overdue_apply_takes_nothing_of_another_engine(host: Host) -> None:
    one, other = "unix:///var/run/docker.sock", "unix:///run/snap.docker/docker.sock"
    made = [(WriteFile(f"/etc/{n}", "new"), RemoveFile(f"/etc/{n}")) for n in (1, 2)]
    ended(host, 1, made[0], outcome=receipts.UNCONFIRMED, wanted=EMULATORS._replace(engine=one))
    ended(host, 2, made[1], outcome=receipts.UNCONFIRMED, wanted=EMULATORS._replace(engine=other))
    assert confirm.overdue(host, 1, quiet) == (1,)
    assert (host.read("/etc/1"), host.read("/etc/2")) == (None, "new")


def test_an_apply_in_passing_restarts_for_an_undo_only_if_it_may(host: Host) -> None:
    restart = Restart("docker.service", SOCKET, flavour="engine")
    ended(host, 1, outcome="", wanted=WANTED, resource="daemon", restart=restart)
    host.containers = [{"Id": "1" * 64, "Names": ["/theirs"], "State": "running"}]
    with pytest.raises(ProvisionerError, match="theirs is running") as refused:
        applied(host, {})
    assert "provisioner recover" in (refused.value.hint or "")
    assert host.restarts == 0
    assert rollback.recovered(host, quiet) == (1,)
    assert host.restarts == 1


def test_a_file_that_says_that_a_run_is_open_goes_when_none_is(host: Host) -> None:
    ended(host, 1)
    Path(host.path(receipts.opened(host))).write_text("1\n2\n")
    assert rollback.recover_files(host, quiet) == ()
    assert host.read(receipts.opened(host)) is None


def test_a_rollback_can_be_planned(host: Host) -> None:
    assert applied(host, {"log-level": "debug"}).status == Exit.OK
    [(receipt, items)] = rollback.planned(host, None)
    assert receipt.number == 1
    assert {i.fate for i in items} == {"put back"}
    assert rollback.restarts(rollback.planned(host, None))
    Path(host.path(FILE)).write_text('{"log-level": "warn"}')
    [(_, items)] = rollback.planned(host, None)
    assert "changed since" in {i.fate for i in items}
    assert text(host) == {"log-level": "warn"}


class FullDisk(Host):
    """Its disk takes no line of a journal after ``room`` of them, until somebody removes the reserve."""

    lines = 10**6

    def append(self, path: str, line: str) -> None:
        self.lines -= 1
        if self.lines < 0 and self.read(f"{self.state}/reserve") is not None:
            raise OSError(28, os.strerror(28), path)
        super().append(path, line)


@pytest.mark.parametrize("room", range(12))
def test_a_full_disk_is_said_and_undone_and_has_room_for_the_last_word(tmp_path: Path, room: int) -> None:
    host = FullDisk(tmp_path)
    host.lines = room
    wanted = configured(WANTED._replace(daemon={"log-level": "debug"}))
    if not room:
        with pytest.raises(OSError, match="No space left"):
            apply.apply(host, wanted, quiet, only=("daemon",))
    elif room < LINES:
        with pytest.raises(RolledBackError, match="No space left"):
            apply.apply(host, wanted, quiet, only=("daemon",))
        assert journal.read(host, 1).outcome == "rolled back"
    else:
        assert apply.apply(host, wanted, quiet, only=("daemon",)).status == Exit.OK
        assert journal.read(host, 1).outcome == "converged"
    assert (host.read(FILE) is None) is (room < LINES)
    assert receipts.unended(host) is None
    host.lines = 10**6
    assert apply.apply(host, wanted, quiet, only=("daemon",)).status == Exit.OK


def test_a_memory_that_cannot_be_kept_fails_no_apply(host: Host) -> None:
    """A check only takes longer then, and the apply has changed the host."""
    Path(host.path(load.remembered(host))).mkdir(parents=True)
    said: list[str] = []
    wanted = Configuration(WANTED._replace(daemon={"log-level": "debug"}), "{}", "/etc/provisioner/provisioner.yaml")
    outcome = apply.apply(host, wanted, said.append, only=("daemon",))
    assert (outcome.status, text(host)) == (Exit.OK, {"log-level": "debug"})
    assert any("could not be kept" in line for line in said), said


class Hung(Host):
    """An engine that hangs, and somebody who wants to stop the wait for it."""

    def get(self, socket: str, path: str) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return super().get(socket, path)


@pytest.mark.parametrize("how", ["rollback", "overdue"])
def test_a_signal_ends_the_look_before_a_rollback(tmp_path: Path, how: str) -> None:
    """Only the steps of an undo run to their end. What comes before them may wait for an engine that hangs."""
    host = Hung(tmp_path)
    made = (WriteFile("/etc/x", "new"), RemoveFile("/etc/x"))
    ended(host, 1, made, outcome=receipts.UNCONFIRMED, wanted=WANTED, resource="daemon", keys=("debug",))
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with pytest.raises(ProvisionerError, match="interrupted by SIGTERM; nothing was changed"):
            rollback.rollback(host, None, quiet) if how == "rollback" else confirm.overdue(host, 1, quiet)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert host.read("/etc/x") == "new"
    assert journal.read(host, 1).outcome == receipts.UNCONFIRMED


@pytest.mark.parametrize("changed", [False, True])
def test_a_rollback_announces_what_its_plan_does(host: Host, changed: bool) -> None:
    assert applied(host, {"log-driver": "local"}).status == Exit.OK
    if changed:
        Path(host.path(FILE)).write_text('{"log-driver": "journald"}')
    told = rollback.takes(host, rollback.planned(host, None))
    said: list[str] = []
    rollback.rollback(host, None, said.append)
    assert bool(told) is not changed
    assert [line for line in said if line.startswith("note: log-driver: ")] == [f"note: {t}" for t in told]


def test_somebody_s_value_that_we_wanted_in_between_is_theirs_again_and_stays(host: Host) -> None:
    theirs: dict[str, Any] = {"log-level": "debug"}
    always = Restarts("always")
    for wanted in (theirs, {}):
        applied(host, wanted, restart=always)
    Path(host.path(FILE)).write_text(json.dumps(theirs))
    for wanted in ({"log-level": "error"}, theirs, {"debug": True}):
        applied(host, wanted, restart=always)
    assert text(host) == {**theirs, "debug": True}
    removal.remove(host, quiet)
    assert text(host) == theirs
