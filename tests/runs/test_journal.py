"""The journal, the receipt that it becomes, the lock, on a directory tree."""

import importlib
import json
import os
import pkgutil
import pwd
from pathlib import Path

import pytest

import provisioner
from provisioner.builder.boot import Boot
from provisioner.builder.images import Pull
from provisioner.config import load
from provisioner.config.desired import Desired
from provisioner.daemon.restart import Restart
from provisioner.emulators.copy_out import CopyOut, Discard
from provisioner.errors import BusyError, DeniedError, ProvisionerError
from provisioner.host import System, locks
from provisioner.model import Difference
from provisioner.platforms.kernel_table import Mount, Register, Unmount, Unregister
from provisioner.runs import apply, journal, kinds, receipts
from provisioner.runs.journal import Journal
from provisioner.steps import Slow, Step
from provisioner.steps.files import MakeDirectory, RemoveDirectory, RemoveFile, SetLeaf, WriteFile
from provisioner.steps.programs import Run

LEAF = ("features", "containerd-snapshotter")
STEPS: tuple[Step, ...] = (
    MakeDirectory("/etc/docker", 0o750),
    RemoveDirectory("/etc/docker"),
    WriteFile("/etc/x", "text \udcff\n", 0o600),
    RemoveFile("/etc/x"),
    SetLeaf("/etc/docker/daemon.json", LEAF, True, None, "{}"),
    SetLeaf("/etc/docker/daemon.json", LEAF, None, "{}", None),
    Register("/proc/x", ":x:E::y::/z:", unless_there=True),
    Unregister("/proc/x"),
    Mount(("mount", "x"), unmount=("umount", "x")),
    Unmount(("umount", "x")),
    CopyOut("/s", "image:tag", ("qemu-arm",), "/f", preserve_argv0=True),
    Discard("/s", "image:tag"),
    Boot(("docker", "buildx", "inspect", "--bootstrap", "b"), undo=(RemoveFile("/etc/x"),), lenient=True),
    Run(("docker", "buildx", "rm"), undo=(Run(("docker", "ps"), timeout=3),), timeout=9),
    Restart("docker.service", "/var/run/docker.sock", 5),
)


@pytest.fixture
def host(tmp_path: Path) -> System:
    for folder in ("etc", "var/lib", "run", "proc"):
        (tmp_path / folder).mkdir(parents=True)
    return System(str(tmp_path), {})


def test_a_receipt_can_tell_of_every_kind_of_step() -> None:
    for found in pkgutil.walk_packages(provisioner.__path__, "provisioner."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    every_one = (*Step.__subclasses__(), *Slow.__subclasses__())
    every = {kind.__name__ for kind in every_one if kind.__module__.startswith("provisioner.")} - {Slow.__name__}
    assert every - {Pull.__name__} == {kind.__name__ for kind in kinds.KINDS}


def test_a_newer_kind_of_step_is_told_as_one_that_older_agents_know() -> None:
    told = kinds.to_dict(Pull("moby/buildkit", "/s", user="dev"))
    assert kinds.from_dict(told) == Run(("docker", "pull", "moby/buildkit"), timeout=900, user="dev")
    assert "alone" not in kinds.to_dict(Boot(("docker",), alone=True))


@pytest.mark.parametrize("step", STEPS, ids=lambda s: type(s).__name__)
def test_a_step_survives_the_journal(step: Step) -> None:
    assert kinds.from_dict(json.loads(json.dumps(kinds.to_dict(step)))) == step


def test_a_receipt_tells_the_undo_newest_first_and_how_it_ended(host: System) -> None:
    book = Journal(host, 1)
    book.begin("0", Desired(), ())
    book.change("image store", Restart("docker.service", "/s"))
    book.step(STEPS[0], (RemoveDirectory("/a"),))
    book.step(STEPS[2], (RemoveFile("/b"), RemoveFile("/c")))
    assert journal.read(host, 1).outcome is None
    assert journal.cut_off(host) is not None
    book.end("converged")
    receipt = journal.read(host, 1)
    assert receipt.undo == (RemoveFile("/b"), RemoveFile("/c"), RemoveDirectory("/a"))
    assert receipt.restarts == (Restart("docker.service", "/s"),)
    assert receipt.outcome == "converged"
    assert journal.cut_off(host) is None


def test_a_torn_last_line_is_an_effect_that_never_began(host: System) -> None:
    book = Journal(host, 1)
    book.begin("0", Desired(), ())
    book.step(STEPS[0], (RemoveDirectory("/a"),))
    whole = host.read(receipts.file(host, 1)) or ""
    begun = whole.index("\n") + 1
    for cut in range(len(whole) - 1):
        Path(host.path(receipts.file(host, 1))).write_text(whole[:cut])
        receipt = journal.read(host, 1)
        assert receipt.undo == ()
        assert receipt.outcome == ("empty" if cut < begun - 1 else None)


def test_a_line_after_a_torn_one_is_whole(host: System) -> None:
    Journal(host, 1).begin("0", Desired(), ())
    with Path(host.path(receipts.file(host, 1))).open("a") as file:
        file.write('{"event": "st')
    Journal(host, 1).end("rolled back")
    assert journal.read(host, 1).outcome == "rolled back"


def test_the_state_is_for_root_alone(host: System) -> None:
    Journal(host, 1).begin("0", Desired(), ())
    modes = [s.mode for p in (host.state, receipts.folder(host), receipts.file(host, 1)) if (s := host.stat(p))]
    assert modes == [0o700, 0o700, 0o600]


def test_a_receipt_of_a_newer_format_is_not_guessed_at(host: System) -> None:
    journal.prepare(host)
    host.append(receipts.file(host, 1), '{"event": "begin", "format": 99}')
    with pytest.raises(ProvisionerError, match="format 99"):
        journal.read(host, 1)


DAMAGED: tuple[dict[str, object], ...] = (
    {"event": "begin", "format": 1},
    {"event": "begin", "format": 1, "time": "2026-11-23T12:00:00Z", "desired": [], "before": []},
    {"event": "begin", "format": 1, "time": "2026-11-23T12:00:00Z", "desired": {"platforms": 3}, "before": []},
)


@pytest.mark.parametrize("line", DAMAGED)
def test_a_damaged_receipt_is_named_in_a_sentence(tmp_path: Path, line: dict[str, object]) -> None:
    host = System(str(tmp_path), {})
    (tmp_path / "var/lib/provisioner/receipts").mkdir(parents=True)
    Path(host.path(receipts.file(host, 1))).write_text(json.dumps(line) + "\n")
    with pytest.raises(ProvisionerError, match="this is not a history entry of provisioner"):
        journal.read(host, 1)


def test_a_second_run_is_told_who_holds_the_lock(host: System) -> None:
    user = pwd.getpwuid(os.getuid()).pw_name
    with (
        host.lock(journal.lock(host)),
        pytest.raises(BusyError, match=rf"process {os.getpid()}, by (\w+ as )?{user} since"),
        host.lock(journal.lock(host)),
    ):
        pass


@pytest.mark.parametrize("pid", ["unknown", "0", "99999999999999999999"])
def test_a_run_that_nobody_can_look_at_is_named_by_what_is_known(pid: str) -> None:
    assert locks.busy(pid).message == f"another provisioner (process {pid}) is changing this host"


def test_only_root_may_change_the_host(host: System) -> None:
    host.uid = 1000
    with pytest.raises(DeniedError, match="only root"):
        apply.apply(host, load.load(host, None), print)


def test_differences_are_kept_with_their_types() -> None:
    found = Difference("configured", None, True)
    assert Difference(*json.loads(json.dumps(found))) == found


def test_the_memory_of_a_configuration_is_for_root_alone(host: System) -> None:
    host.make_directory("/etc/provisioner", 0o755)
    host.write(load.PATH, "restart: never", 0o644)
    apply._remember(host, load.load(host, None), "root", print)
    status = host.stat(load.remembered(host))
    assert status is not None
    assert status.mode == 0o600
