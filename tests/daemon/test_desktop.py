"""Docker Desktop, as a fake: change its settings while it is stopped, then undo and report every failure."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.config import load
from provisioner.config.desired import Desired, ImageStore
from provisioner.daemon.desktop import WINDOWS
from provisioner.daemon.desktop_control import Start, Stop
from provisioner.emulators import resource
from provisioner.engine import facts, kinds, places
from provisioner.errors import CommandError, ConfigError, DeniedError, Exit, ProvisionerError, RolledBackError
from provisioner.host import System, programs
from provisioner.model import NOTE
from provisioner.runs import apply, compare, plan, rollback
from provisioner.runs.apply import Outcome
from tests.cases import seen
from tests.helpers.desktop import HOME, SETTINGS, SOCKET, Desktop
from tests.helpers.steps import quiet

WANTED = Desired(platforms=("linux/amd64", "linux/arm64"), only=("image store",))
STORE = '{\n  "SettingsVersion": 43,\n  "MemoryMiB": 8092\n}'


@pytest.fixture
def fake(tmp_path: Path) -> Desktop:
    made = Desktop(tmp_path)
    made.put(SETTINGS, STORE)
    return made


def applied(host: System) -> Outcome:
    return apply.apply(host, load.load(host, None), lambda _: None, only=WANTED.only)


def test_the_store_is_set_while_desktop_is_stopped_and_rollback_gives_the_bytes_back(fake: Desktop) -> None:
    with fake.running() as host:
        done = applied(host)
        assert (done.status, fake.info()["Driver"]) == (Exit.OK, "overlayfs")
        assert json.loads(fake.settings) == {**json.loads(STORE), "UseContainerdSnapshotter": True}
        assert [order for order in fake.orders if "desktop" in order] == [
            "desktop stop --detach",
            "desktop start --detach",
        ]
        seen = facts.gather(host, WANTED)
        assert compare.drift(host, seen, WANTED) == ()
        assert applied(host).receipt is None  # nothing to do, so Desktop is not restarted
        assert rollback.rollback(host, None, lambda _: None) == (1,)
    assert fake.settings == STORE
    assert fake.info()["Driver"] == "overlay2"


def test_the_receipts_are_the_user_s_own(fake: Desktop) -> None:
    with fake.running() as host:
        applied(host)
    assert (fake.tree / f"{HOME.lstrip('/')}/.local/state/provisioner/receipts/000001.jsonl").exists()
    assert not (fake.tree / "var/lib/provisioner").exists()


@pytest.mark.parametrize(
    "habits",
    [{"stop": "late"}, {"stop": "rewrites"}, {"start": "rewrites"}, {"status": "stopped"}],
    ids=str,
)
def test_habits_that_do_no_harm_are_outlived(fake: Desktop, habits: dict[str, str]) -> None:
    fake.habits(**habits)
    with fake.running() as host:
        assert applied(host).status == Exit.OK
        assert json.loads(fake.settings)["UseContainerdSnapshotter"] is True
        rollback.rollback(host, None, lambda _: None)
        assert fake.info()["Driver"] == "overlay2"
    kept = json.loads(fake.settings)
    assert "UseContainerdSnapshotter" not in kept
    assert kept.items() >= json.loads(STORE).items()


@pytest.mark.host  # waits for a deadline
def test_settings_that_desktop_reverts_are_told_and_undone(fake: Desktop) -> None:
    fake.habits(start="reverts")
    with fake.running() as host, pytest.raises(RolledBackError) as caught:
        applied(host)
    assert "in effect: overlay2" in caught.value.message
    assert "\n" not in caught.value.message
    assert fake.info()["Driver"] == "overlay2"


def test_a_store_that_runs_nothing_is_told_and_undone(fake: Desktop) -> None:
    fake.trial = b"exec /probe: exec format error\n"
    with fake.running() as host, pytest.raises(RolledBackError, match="runs nothing in containerd's store"):
        applied(host)
    assert fake.settings == STORE


@pytest.mark.host  # waits for a deadline
def test_a_start_that_hangs_while_the_engine_works_is_left_alone(fake: Desktop) -> None:
    fake.habits(start="hangs", status="starting")
    with fake.running() as host:
        assert applied(host).status == Exit.OK


def test_a_desktop_that_is_started_as_its_own_program_is_not_ended_with_the_command(fake: Desktop) -> None:
    """On Windows without ``docker desktop``, the start command is Desktop itself, and runs as long as it does."""
    (fake.tree / f"{HOME}/.docker/cli-plugins/docker-desktop".lstrip("/")).unlink()
    pid = fake.tree / "pid"
    fake.put(f"{WINDOWS}/DockerCli.exe", "", 0o755)
    fake.put(f"{WINDOWS}/Docker Desktop.exe", f"#!/bin/sh\necho $$ >{pid}\nexec /bin/sleep 600\n", 0o755)
    with fake.running() as host:
        Start("Docker Desktop", SOCKET, 20).do(host, quiet)
    process = programs.LEFT.pop()
    try:
        assert process.poll() is None
        assert int(pid.read_text()) == process.pid
    finally:
        process.kill()
        process.wait()


def test_settings_that_desktop_breaks_while_it_stops_are_named(fake: Desktop) -> None:
    fake.habits(stop="breaks")
    with fake.running() as host:
        [change] = plan.make(host, facts.gather(host, WANTED), WANTED).changes
        stopping, setting, _ = change.edits
        stopping.do(host, quiet)
        with pytest.raises(ConfigError, match=f"^{SETTINGS}: .* at line 1, column 10$"):
            setting.do(host, quiet)


@pytest.mark.parametrize(
    ("habits", "step", "sentence"),
    [
        ({"stop": "nothing", "status": "stopped"}, Stop("Docker Desktop", SOCKET, 1), "did not stop within 1 s"),
        (
            {"start": "never", "status": "running"},
            Start("Docker Desktop", SOCKET, 1),
            "did not start within 1 s: Error: context deadline exceeded",
        ),
    ],
)
def test_desktop_s_status_is_quoted_and_not_believed(
    fake: Desktop, habits: dict[str, str], step: Stop | Start, sentence: str
) -> None:
    with fake.running() as host:
        if isinstance(step, Start):
            Stop("Docker Desktop", SOCKET, 5).do(host, quiet)
        fake.habits(**habits)
        with pytest.raises(CommandError) as caught:
            step.do(host, quiet)
    assert caught.value.message == f"Docker Desktop {sentence}"
    assert str(caught.value.hint).endswith(f"`docker desktop status` says: {habits['status']}")


def test_a_desktop_that_was_left_stopped_is_started_by_the_next_run(fake: Desktop) -> None:
    with fake.running() as host:
        applied(host)
        receipt = fake.tree / f"{HOME.lstrip('/')}/.local/state/provisioner/receipts/000001.jsonl"
        lines = receipt.read_text().splitlines(keepends=True)
        cut = next(i for i, line in enumerate(lines) if '"Start"' in line and '"event": "step"' in line and i > 2)
        Stop("Docker Desktop", SOCKET, 5).do(host, quiet)
        receipt.write_text("".join(lines[:cut]))  # power failed before the start
        (receipt.parents[1] / "open").write_text("1\n")
        assert not fake.runs()
        assert rollback.rollback(host, None, lambda _: None) == (1,)
        assert fake.runs()
    assert fake.settings == STORE


ADMIN = "/usr/share/docker-desktop/admin-settings.json"
CLASSIC = '{"features": {"containerd-snapshotter": false}}'
HELD = [
    ({SETTINGS: '{"half": '}, "line 1, column 10"),
    ({SETTINGS: f"\ufeff{STORE}"}, "a byte order mark at line 1, column 1"),
    ({SETTINGS: '{"UseContainerdSnapshotter": false}'}, "explicitly false: somebody decided that"),
    ({SETTINGS: '{"UseWindowsContainers": true}'}, "Docker Desktop runs Windows containers"),
    ({ADMIN: {"useContainerdSnapshotter": {"locked": True, "value": False}}}, "an administrator keeps the image store"),
    ({ADMIN: {"linuxVM": {"dockerDaemonOptions": {"locked": True, "value": CLASSIC}}}}, "an administrator keeps"),
]


@pytest.mark.parametrize(
    "lock",
    [[], "[" * 100_000, {"linuxVM": []}, {"linuxVM": {"dockerDaemonOptions": {"locked": True, "value": {"a": 1}}}},
     {"linuxVM": {"dockerDaemonOptions": {"locked": True, "value": '{"features": [1]}'}}}],
    ids=range(5),
)  # fmt: skip
def test_an_administrator_s_file_that_is_none_is_in_nobody_s_way(fake: Desktop, lock: object) -> None:
    fake.put(ADMIN, lock if isinstance(lock, str) else json.dumps(lock))
    with fake.running() as host:
        [change] = plan.make(host, facts.gather(host, WANTED), WANTED).changes
    assert change.blocked == ()


@pytest.mark.parametrize(("files", "sentence"), HELD)
def test_what_is_in_the_way_is_named_and_nothing_is_touched(
    fake: Desktop, files: dict[str, Any], sentence: str
) -> None:
    for path, content in files.items():
        fake.put(path, content if isinstance(content, str) else json.dumps(content))
    with fake.running() as host:
        done = applied(host)
        [(_, (_, obstacle))] = done.left.blocked
        assert (done.status, fake.runs(), bool(fake.orders)) == (Exit.BLOCKED, True, False)
    assert sentence in obstacle.message
    assert "\n" not in obstacle.message


def test_without_a_way_to_stop_it_or_its_settings_the_gui_is_named(fake: Desktop) -> None:
    (fake.tree / f"{HOME.lstrip('/')}/.docker/cli-plugins/docker-desktop").unlink()
    (fake.folder / "settings-store.json").unlink()
    with fake.running() as host:
        reasons = [obstacle for _, (_, obstacle) in applied(host).left.blocked]
    assert len(reasons) == 2
    assert all("Settings > General > Use containerd" in held.hint for held in reasons)


def test_isolation_and_locks_are_named_beside_the_plan(fake: Desktop) -> None:
    fake.put(SETTINGS, '{"EnhancedContainerIsolation": true}')
    fake.put("/usr/share/docker-desktop/admin-settings.json", '{"proxy": {"locked": true}}')
    with fake.running() as host:
        seen = facts.gather(host, WANTED)
        [change] = plan.make(host, seen, WANTED).changes
    assert any("Enhanced Container Isolation is on" in note for note in change.notes)
    assert any(note.endswith("admin-settings.json locks proxy") for note in change.notes)


def test_root_is_refused_and_so_is_a_daemon_json(fake: Desktop) -> None:
    with fake.running() as host:
        wanted = WANTED._replace(only=("daemon",), daemon={"debug": True})
        [change] = plan.make(host, facts.gather(host, wanted), wanted).changes
        assert change.edits == ()
        assert change.blocked[0].obstacle.hint == "set it in Settings > Docker Engine"
        host.uid = 0
        with pytest.raises(DeniedError, match="Docker Desktop belongs to a user"):
            applied(host)


def test_emulators_are_desktop_s_own(fake: Desktop) -> None:
    with fake.running() as host:
        seen = facts.gather(host, Desired())
        assert resource.want(Desired(), seen) == {}
        assert "brings its own emulators" in str(resource.have(host, seen, {})[NOTE])
        assert seen.native == ("linux/amd64", "linux/386")  # the engine's platforms, on any machine


def test_the_old_file_has_its_own_spelling(tmp_path: Path) -> None:
    fake = Desktop(tmp_path)
    whole = {f"setting{i}": i for i in range(80)} | {"useContainerdSnapshotter": False}  # complete: nobody chose false
    fake.put(f"{HOME}/.docker/desktop/settings.json", json.dumps(whole))
    with fake.running() as host:
        assert applied(host).status == Exit.OK
        found = json.loads((fake.folder / "settings.json").read_text())
        assert found == {**whole, "useContainerdSnapshotter": True}
        rollback.rollback(host, None, lambda _: None)
    assert json.loads((fake.folder / "settings.json").read_text()) == whole


@pytest.mark.parametrize(
    ("environ", "file"),
    [
        ({"HOME": "/Users/x"}, "/Users/x/Library/Group Containers/group.com.docker/settings-store.json"),
        ({"HOME": "/Users/x"}, "/Users/x/Library/Group Containers/group.com.docker/settings.json"),
        ({"HOME": "/c/x", "APPDATA": r"\c\x\AppData\Roaming"}, "/c/x/AppData/Roaming/Docker/settings-store.json"),
    ],
)
def test_settings_are_found_where_each_system_has_them(tmp_path: Path, environ: dict[str, str], file: str) -> None:
    at = tmp_path / file.lstrip("/")
    at.parent.mkdir(parents=True)
    at.write_text("{}")
    row = kinds.of("desktop").layout
    assert row is not None
    path, leaf = places.resolved(System(str(tmp_path), environ), row).files[0]
    assert path == file
    assert leaf[0] == ("useContainerdSnapshotter" if file.endswith("settings.json") else "UseContainerdSnapshotter")


@pytest.mark.parametrize(("name", "text"), seen.SETTINGS)
def test_the_settings_of_a_real_desktop_are_set_or_refused_in_a_sentence(tmp_path: Path, name: str, text: str) -> None:
    fake = Desktop(tmp_path)
    (fake.folder / name).write_bytes(text.encode())
    with fake.running() as host:
        found = facts.gather(host, WANTED)
        [change] = plan.make(host, found, WANTED).changes
    assert bool(change.edits) is not bool(change.blocked)
    assert all("\n" not in blocked.obstacle.message for blocked in change.blocked)
    assert found.daemon_json.endswith(name)


def test_a_store_with_images_is_left_until_told(fake: Desktop) -> None:
    wanted = WANTED._replace(image_store=ImageStore(existing="migrate"))
    with fake.running() as host:
        [change] = plan.make(host, facts.gather(host, wanted), wanted).changes
    assert "images of Docker Desktop cannot be carried over" in change.blocked[0].obstacle.message


def test_a_desktop_that_is_not_running_is_named(fake: Desktop) -> None:
    with fake.running() as host:
        Stop("Docker Desktop", SOCKET, 5).do(host, quiet)
        with pytest.raises(ProvisionerError, match=r"no engine listens there: Docker Desktop is not running$"):
            applied(host)
