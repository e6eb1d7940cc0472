"""What ``remove`` takes away, after whatever history, and what it leaves."""

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from provisioner.builder import store
from provisioner.config.desired import Desired, ImageStore, Restarts
from provisioner.config.load import Configuration
from provisioner.engine import traces
from provisioner.errors import Exit, ProvisionerError
from provisioner.image_store.trial import ClearTrial
from provisioner.platforms.kernel_table import Register, Unregister
from provisioner.runs import apply, confirm, hourly, journal, older, originals, receipts, removal, rollback
from provisioner.runs.journal import Journal
from provisioner.runs.undo import CHANGED
from provisioner.steps import Step
from provisioner.steps.files import RemoveFile, WriteFile
from provisioner.steps.programs import Run
from tests.helpers.daemon import FILE, Host
from tests.helpers.steps import quiet

WANTED = Desired(("linux/amd64",), image_store=ImageStore("unmanaged"), only=("daemon",), restart=Restarts("always"))
SOCKET = "unix:///var/run/docker.sock"
CONF, TABLE = "/etc/binfmt.d/zz-provisioner-arm64.conf", "/proc/sys/fs/binfmt_misc/qemu-aarch64"
HEAD = "# linux/arm64, by provisioner\n"
RULE = ":qemu-aarch64:M::\\x7fELF:\\xff\\xff\\xff\\xff:/usr/local/lib/provisioner/qemu/v1/qemu-aarch64:F"
THEIRS = RULE.replace("/usr/local/lib/provisioner", "/opt")
ENTRY = "enabled\ninterpreter /usr/local/lib/provisioner/qemu/v1/qemu-aarch64\nflags: F\noffset 0\nmagic 7f454c46\n"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    found = Host(tmp_path)
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir(parents=True, exist_ok=True)
    docker.touch(0o755)
    return found


def applied(host: Host, **leaves: Any) -> None:
    configuration = Configuration(WANTED._replace(daemon={k.replace("_", "-"): v for k, v in leaves.items()}))
    assert apply.apply(host, configuration, quiet, only=("daemon",)).status == Exit.OK


def put(host: Host, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        Path(host.path(path)).parent.mkdir(parents=True, exist_ok=True)
        Path(host.path(path)).write_text(text)


def tree(host: Host) -> dict[str, str]:
    """Every file below /etc and /usr."""
    root = Path(host.root)
    return {
        str(p.relative_to(root)): p.read_text() for d in ("etc", "usr") for p in (root / d).rglob("*") if p.is_file()
    }


def removed(host: Host) -> list[str]:
    said: list[str] = []
    found, left = removal.remove(host, said.append)
    assert left == ()
    assert all(r.outcome not in rollback.UNDOABLE for r in journal.every(host)), found
    return said


def test_after_a_life_of_applies_and_an_edit_by_hand_the_host_is_as_before(host: Host) -> None:
    put(host, {FILE: '{\n  "log-driver": "local",\n  "log-level": "info"\n}\n'})
    host.start()
    before = tree(host)
    for level in ("debug", "warn", "error", "debug", "warn", "fatal", "error"):
        applied(host, log_level=level, debug=True)
    text = json.loads(host.read(FILE) or "{}")
    put(host, {FILE: json.dumps({**text, "shutdown-timeout": 3})})
    restarts = host.restarts
    removed(host)
    assert json.loads(host.read(FILE) or "{}") == {"log-driver": "local", "log-level": "info", "shutdown-timeout": 3}
    assert host.restarts == restarts + 1
    assert not host.info()["Debug"]
    put(host, {FILE: before[FILE.lstrip("/")]})
    assert tree(host) == before
    assert removal.plan(host).items == ()


def test_a_file_that_was_not_there_is_gone_afterwards(host: Host) -> None:
    applied(host, log_level="debug")
    applied(host, log_level="debug", debug=True)
    removed(host)
    assert host.read(FILE) is None


def test_a_setting_that_somebody_has_changed_stays_and_is_said(host: Host) -> None:
    applied(host, log_level="debug", debug=True)
    put(host, {FILE: '{"log-level": "warn", "debug": true}'})
    said = removed(host)
    assert json.loads(host.read(FILE) or "{}") == {"log-level": "warn"}
    assert [line for line in said if "somebody has changed that since" in line and "log-level" in line]


def test_it_works_when_the_engine_is_dead(host: Host) -> None:
    applied(host, log_level="debug")
    host.up = False
    removed(host)
    assert host.read(FILE) is None


def test_it_works_when_somebody_has_removed_half_of_it(host: Host) -> None:
    applied(host, log_level="debug")
    Path(host.path(FILE)).unlink()
    host.start()
    restarts = host.restarts
    removed(host)
    assert host.restarts == restarts
    assert host.read(FILE) is None


def test_it_works_after_a_rollback_that_failed(host: Host) -> None:
    applied(host, log_level="debug")
    Journal(host, 1).end(receipts.FAILED)
    removed(host)
    assert host.read(FILE) is None


def test_without_its_history_it_still_knows_what_is_ours(host: Host) -> None:
    put(
        host,
        {
            "/etc/binfmt.d/zz-provisioner-arm64.conf": RULE + "\n",
            "/etc/binfmt.d/theirs.conf": RULE,
            "/proc/sys/fs/binfmt_misc/qemu-aarch64": ENTRY,
            "/usr/local/lib/provisioner/qemu/v1/qemu-aarch64": "ELF",
            "/usr/local/lib/provisioner/qemu/v1/manifest.json": "{}",
            "/usr/local/lib/provisioner/register-emulators": "#!/bin/sh\n",
            "/etc/init.d/provisioner-emulators": "#!/bin/sh\n# Written by provisioner, because\n",
        },
    )
    found = {item.step.sentence() for item in removal.plan(host).items}
    assert "take qemu-aarch64 out of the kernel's table" in found
    removal.remove(host, quiet)  # no update-rc.d here to disable the service
    assert tree(host) == {"etc/binfmt.d/theirs.conf": RULE}
    assert host.stat("/usr/local/lib/provisioner") is None


@pytest.mark.parametrize("whose", ["ours", "theirs"])
@pytest.mark.parametrize("file", ["older", "of this run"])
def test_an_entry_that_a_run_without_earlier_history_replaced_comes_back_only_if_it_was_theirs(
    host: Host, whose: str, file: str
) -> None:
    before = RULE if whose == "ours" else THEIRS
    put(host, {CONF: f"{HEAD}{RULE}\n", TABLE: ENTRY})
    book = Journal(host, 1)
    book.begin("0", WANTED, ())
    if file != "older":
        book.step(WriteFile(CONF, f"{HEAD}{RULE}\n"), (RemoveFile(CONF),))
    book.step(Register(TABLE, RULE + "C"), (Register(TABLE, before),))
    book.end("done")
    put(host, {TABLE: ENTRY.replace("flags: F", "flags: FC")})
    steps = removal.plan(host).steps
    assert RemoveFile(CONF) in steps
    assert (Unregister(TABLE) in steps, Register(TABLE, before) in steps) == (whose == "ours", whose == "theirs")


@pytest.mark.parametrize("package", [True, False])
def test_an_entry_of_the_distribution_s_program_is_ours_if_our_file_named_it(host: Host, package: bool) -> None:
    old = RULE.replace("/usr/local/lib/provisioner/qemu/v1", "/usr/bin")
    put(host, {CONF: f"{HEAD}{RULE}\n", TABLE: ENTRY})
    book = Journal(host, 1)
    book.begin("0", WANTED, ())
    book.step(WriteFile(CONF, RULE), (WriteFile(CONF, f"{HEAD}{old if package else RULE}\n"),))
    book.step(Register(TABLE, RULE), (Register(TABLE, old),))
    book.end("done")
    steps = removal.plan(host).steps
    assert RemoveFile(CONF) in steps
    assert (Unregister(TABLE) in steps) == package
    assert (Register(TABLE, old) in steps) != package


def test_a_file_that_stood_there_before_a_known_run_is_put_back(host: Host) -> None:
    put(host, {CONF: RULE + "\n", TABLE: ENTRY})
    book = Journal(host, 1)
    book.begin("0", WANTED, ())
    book.step(WriteFile(CONF, RULE + "\n"), (WriteFile(CONF, THEIRS + "\n"),))
    book.step(Register(TABLE, RULE), (Register(TABLE, THEIRS),))
    book.end("done")
    steps = removal.plan(host).steps
    assert WriteFile(CONF, THEIRS + "\n") in steps
    assert RemoveFile(CONF) not in steps


def test_a_user_s_own_removal_leaves_what_root_has_set_up_on_the_host(host: Host) -> None:
    put(host, {CONF: f"{HEAD}{RULE}\n", TABLE: ENTRY})
    assert RemoveFile(CONF) in removal.plan(host).steps
    host.uid = 1000
    assert removal.plan(host).steps == ()


def test_what_docker_holds_counts_for_nothing_while_it_does_not_answer(host: Host) -> None:
    book = Journal(host, 1)
    book.begin("0", WANTED, ())
    book.step(WriteFile("/etc/x", "ours"), (ClearTrial("/var/run/docker.sock"), RemoveFile("/etc/x")))
    book.end("converged")
    put(host, {"/etc/x": "ours"})
    host.up = False
    assert [item.fate for item in removal.plan(host).items] == ["already so", "put back"]
    assert removal.remove(host, quiet)[1] == ()


def test_the_folder_of_the_program_itself_is_not_ours_to_remove(host: Host) -> None:
    put(
        host,
        {"/usr/local/lib/provisioner/provisioner/cli.py": "", "/usr/local/lib/provisioner/qemu/v1/manifest.json": "{}"},
    )
    removed(host)
    assert host.stat("/usr/local/lib/provisioner/qemu") is None
    assert removal.plan(host).items == ()


def test_where_nothing_is_ours_nothing_is_done(host: Host) -> None:
    assert removal.remove(host, quiet) == (removal.Removal((), ()), ())
    assert receipts.numbers(host) == ()


def test_a_plan_changes_nothing(host: Host) -> None:
    applied(host, log_level="debug")
    before = tree(host)
    assert removal.plan(host).steps
    assert tree(host) == before


def builder(host: Host, *runs: tuple[tuple[Step, ...], ...]) -> list[str]:
    """The commands that undo some runs together, each run its steps' undos."""
    for number, undos in enumerate(runs, 1):
        book = Journal(host, number)
        book.begin("0", WANTED, ())
        for index, undo in enumerate(undos):
            book.step(Run(("docker", "made", f"{number}.{index}")), undo)
        book.end("converged")
    return [o.back.sentence() for o in originals.collapsed(older.past(host, journal.every(host)))]


def docker(*words: str, user: str = "") -> Run:
    return Run(("docker", *words), user=user)


def test_a_builder_of_ours_is_not_made_again_on_the_way_out(host: Host) -> None:
    forget, rm = docker("buildx", "rm", "--force", "--keep-daemon", "b"), docker("container", "rm", "--force", "b0")
    drop = docker("volume", "rm", "--force", "b0_state")
    made = ((forget,), (rm, drop))
    again = (
        (docker("container", "rename", "b0-before-1", "b0"),),
        (docker("buildx", "inspect", "--bootstrap", "b"),),
        (rm,),
    )
    assert builder(host, made, again, again) == [s.sentence() for s in (rm, drop, forget)]


def test_a_builder_that_was_there_before_us_comes_back(host: Host) -> None:
    rename, rm = docker("container", "rename", "b0-before-1", "b0"), docker("container", "rm", "--force", "b0")
    later = docker("container", "rename", "b0-before-2", "b0")
    assert builder(host, ((rename,), (rm,)), ((later,), (rm,))) == [rm.sentence(), rename.sentence()]


def remembered(host: Host, **builders: list[str]) -> None:
    """The record of what applies have made, after the history was lost."""
    put(host, {"/etc/provisioner/made.json": json.dumps({"builders": {SOCKET: builders}})})


CURRENT, REMADE = "/root/.docker/buildx/current", docker("buildx", "inspect", "--bootstrap", "b")
INSTANCE = "/root/.docker/buildx/instances/b"
ASIDE = (docker("container", "rename", "buildx_buildkit_b0-before-1", "buildx_buildkit_b0"),)


@pytest.mark.parametrize("ours", [True, False])
def test_a_builder_that_was_made_again_after_the_history_was_lost_comes_back_only_if_it_was_theirs(
    host: Host, ours: bool
) -> None:
    remembered(host, **({"b": ["root"]} if ours else {}))
    rm = docker("container", "rm", "--force", "buildx_buildkit_b0")
    edited = (WriteFile(INSTANCE, "{}", 0o600),)
    back = [] if ours else [ASIDE[0].sentence(), REMADE.sentence(), f"write {INSTANCE}"]
    assert builder(host, (edited, (REMADE,), ASIDE, (rm,))) == [rm.sentence(), *back]


def test_a_former_builder_that_a_run_took_away_is_not_made_again_on_the_way_out(host: Host) -> None:
    remembered(host, new=["root"])
    forget = docker("buildx", "rm", "--force", "--keep-daemon", "new")
    book = Journal(host, 1)
    book.begin("0", WANTED, ())
    book.step(docker("buildx", "create", "--name", "new"), (forget,))
    book.step(docker("buildx", "use", "new"), (WriteFile(CURRENT, '{"Name": "b"}', 0o600),))
    book.step(docker("container", "rm", "--force", "buildx_buildkit_b0"), (REMADE,))
    book.step(docker("buildx", "rm", "--force", "--keep-daemon", "b"), (WriteFile(INSTANCE, "{}", 0o600),))
    book.end("converged")
    found = [o.back for o in originals.collapsed(older.past(host, journal.every(host)))]
    assert found == [RemoveFile(CURRENT), forget]


def test_a_builder_of_somebody_s_that_a_run_registered_again_comes_back(host: Host) -> None:
    back, chosen = WriteFile(INSTANCE, "{}", 0o600), WriteFile(CURRENT, '{"Name": "theirs"}', 0o600)
    book = Journal(host, 1)
    book.begin("0", WANTED, ())
    book.step(docker("buildx", "rm", "--force", "--keep-daemon", "b"), (back,))
    book.step(docker("buildx", "create", "--name", "b"), ())
    book.step(docker("buildx", "use", "b"), (chosen,))
    book.end("converged")
    assert [o.back for o in originals.collapsed(older.past(host, journal.every(host)))] == [chosen, back]


@pytest.mark.parametrize("ours", [True, False])
def test_a_file_at_our_path_comes_back_only_if_somebody_else_wrote_it(host: Host, ours: bool) -> None:
    unit = "/etc/systemd/system/provisioner-emulators.service"
    old = WriteFile(unit, "# Written by provisioner, because\n[Unit]\n" if ours else "[Unit]\n")
    book = Journal(host, 1)
    book.begin("0", WANTED, ())
    book.step(WriteFile(unit, "# Written by provisioner\n"), (old,))
    book.end("converged")
    found = [o.back for o in originals.collapsed(older.past(host, journal.every(host)))]
    assert found == [RemoveFile(unit) if ours else old]


class Twin(Host):
    """A host whose switch of the image store has hidden containers: they are there again after the next start."""

    hidden: tuple[str, ...] = ()

    def run(self, argv: tuple[str, ...], timeout: int, text: str = "", user: str = "") -> str:
        if argv[:3] == ("docker", "container", "rm"):
            self.containers = [c for c in self.containers if c["Names"] != [f"/{argv[-1]}"]]
        elif argv[:3] == ("docker", "volume", "rm"):
            self.volumes = [v for v in self.volumes if v["Name"] != argv[-1]]
        else:
            return super().run(argv, timeout, text, user)
        return ""

    def start(self) -> None:
        super().start()
        self.containers += [{"Names": [f"/{name}"], "Id": name} for name in self.hidden]
        self.volumes += [{"Name": f"{name}_state"} for name in self.hidden]


def test_a_builder_of_ours_that_the_switch_back_shows_again_goes_too_and_theirs_stays(tmp_path: Path) -> None:
    host = Twin(tmp_path)
    applied(host, log_level="debug")
    ours, theirs = "buildx_buildkit_b0", "buildx_buildkit_theirs0"
    host.volumes = [{"Name": f"{ours}_state", "Labels": {traces.LABEL: "b"}}]
    host.hidden = (ours, theirs)
    removed(host)
    assert [c["Id"] for c in host.containers] == [theirs]
    assert [v["Name"] for v in host.volumes] == [f"{theirs}_state"]


def test_a_user_who_has_chosen_another_builder_since_keeps_that(host: Host) -> None:
    put(host, {"/home/dev/current": '{"Name": "theirs"}'})
    kept = originals.Original(WriteFile("/home/dev/current", "{}", user=host.user), None)
    assert originals.fate(host, kept, {"container-builder"}).fate == CHANGED
    put(host, {"/home/dev/current": '{"Name": "container-builder"}'})
    assert originals.fate(host, kept, {"container-builder"}).fate != CHANGED
    assert originals.fate(host, originals.Original(RemoveFile("/home/dev/none"), None), ()).fate == "already so"


def test_a_label_on_a_volume_counts_only_where_the_volume_is_that_builder_s(host: Host) -> None:
    """Everybody who may use the engine can label a volume, with the name of somebody else's builder, too."""
    host.start()
    host.containers = [{"Names": [f"/buildx_buildkit_{name}0"], "Id": name} for name in ("theirs", "gone")]
    host.volumes = [
        {"Name": name, "Labels": {"io.provisioner.builder": builder}}
        for name, builder in (("data", "theirs"), ("x", "--all-inactive"), ("buildx_buildkit_gone0_state", "gone"))
    ]
    told = [step.sentence() for step in removal.plan(host).steps]
    assert [words for words in told if words.startswith("run docker")] == [
        "run docker container rm --force buildx_buildkit_gone0",
        "run docker volume rm --force buildx_buildkit_gone0_state",
    ]


def test_the_hourly_check_s_group_goes_also_without_the_history(host: Host) -> None:
    theirs = f"{hourly.FOLDER}/20-theirs.conf"
    put(host, {hourly.DROP_IN: hourly.TEXT.format("builders"), theirs: "[Service]\n"})
    told = [step.sentence() for step in removal.plan(host).steps]
    assert f"remove {hourly.DROP_IN}" in told
    assert "run systemctl daemon-reload" in told
    put(host, {hourly.DROP_IN: "[Service]\nGroup=theirs\n"})
    assert f"remove {hourly.DROP_IN}" not in [step.sentence() for step in removal.plan(host).steps]


ODD: dict[str, Callable[[Path], object]] = {  # what a user can make of the own files
    "a pipe": lambda docker: os.mkfifo(docker / "buildx/current"),
    "a folder": lambda docker: (docker / "buildx/current").mkdir(),
    "no text": lambda docker: (docker / "buildx/current").write_bytes(b"\xff\xfe"),
    "a file for a folder": lambda docker: (docker / "contexts").write_text("x"),
    "a folder for a default": lambda docker: (docker / f"buildx/defaults/{store.digest(SOCKET)}").mkdir(parents=True),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_user_s_odd_files_keep_nothing_from_being_removed(host: Host, odd: str) -> None:
    builder = "container-builder"
    host.volumes = [{"Name": f"buildx_buildkit_{builder}0_state", "Labels": {traces.LABEL: builder}}]
    nodes = [{"Name": f"{builder}0", "Endpoint": SOCKET}]
    instance = {"Name": builder, "Driver": "docker-container", "Nodes": nodes}
    put(host, {f"/root/.docker/buildx/instances/{builder}": json.dumps(instance)})
    ODD[odd](Path(host.path("/root/.docker")))
    found = removal.plan(host)
    assert " ".join((*traces.FORGET, builder)) in " ".join(step.sentence() for step in found.steps)


@pytest.mark.parametrize("how", ["timer", "later"])
def test_what_was_never_confirmed_and_somebody_sets_since_is_theirs(host: Host, how: str) -> None:
    applied(host, log_level="debug")
    book = Journal(host, 1)
    book.end(receipts.UNCONFIRMED)
    if how == "timer":
        assert confirm.overdue(host, 1, quiet) == (1,)
    else:
        book.reopen()  # as the boot does
        put(host, {receipts.opened(host): "1\n"})
        assert rollback.recovered(host, quiet) == (1,)
    put(host, {FILE: '{"log-level": "debug"}'})
    assert removal.plan(host).items == ()


def of_a_user(host: Host, user: str, *, ended: bool = True) -> None:
    """A run that has registered and selected a builder for a user."""
    book = Journal(host, 2)
    book.begin("0", WANTED, ())
    book.step(WriteFile("/etc/ours", "ours"), (RemoveFile("/etc/ours"),))
    put(host, {"/etc/ours": "ours"})
    book.step(docker("buildx", "create", "--name", "b", user=user), (docker(*traces.FORGET[1:], "b", user=user),))
    folder = "/home/x/.docker/buildx"
    chosen = RemoveFile(f"{folder}/current", user), WriteFile(f"{folder}/defaults/1", "a", 0o600, user)
    book.step(docker("buildx", "use", "b", user=user), chosen)
    if ended:
        book.end("converged")


ENDS: dict[str, Callable[[Host], object]] = {
    "remove": removed,
    "rollback": lambda host: rollback.rollback(host, 2, quiet),
    "recover": lambda host: rollback.recovered(host, quiet),
}


@pytest.mark.parametrize("act", ENDS)
def test_a_user_who_was_deleted_keeps_nothing_else_from_going(host: Host, act: str) -> None:
    of_a_user(host, "long-gone", ended=act != "recover")
    ENDS[act](host)
    assert host.read("/etc/ours") is None
    assert journal.read(host, 2).outcome in journal.OVER


@pytest.mark.parametrize("act", ["rollback", "recover"])
def test_a_user_whom_a_directory_does_not_name_now_is_not_taken_for_a_deleted_one(host: Host, act: str) -> None:
    path = "/home/x/.docker/buildx/defaults/1"
    put(host, {"/etc/nsswitch.conf": "passwd: files systemd sss\ngroup: files\n", path: "b"})
    of_a_user(host, "of-the-directory", ended=act != "recover")
    with pytest.raises(ProvisionerError, match="of-the-directory"):
        ENDS[act](host)
    assert host.read("/etc/ours") is None
    assert host.read(path) == "b"
    assert journal.read(host, 2).outcome == receipts.FAILED  # so that it can be tried again


@pytest.mark.parametrize("act", ENDS)
def test_a_user_s_file_that_cannot_be_read_keeps_nothing_else_from_going(host: Host, act: str) -> None:
    of_a_user(host, "root", ended=act != "recover")
    for name in ("current", "defaults/1"):
        Path(host.path("/home/x/.docker/buildx/defaults")).mkdir(parents=True, exist_ok=True)
        os.mkfifo(host.path(f"/home/x/.docker/buildx/{name}"))
    ENDS[act](host)
    assert host.read("/etc/ours") is None
    assert journal.read(host, 2).outcome in journal.OVER


def test_a_registration_goes_as_a_file_where_docker_is_gone(host: Host) -> None:
    builder = "container-builder"
    nodes = [{"Name": f"{builder}0", "Endpoint": SOCKET}]
    path = f"/root/.docker/buildx/instances/{builder}"
    forget = Run((*traces.FORGET, builder))
    book = Journal(host, 1)
    book.begin("0", WANTED, ())
    book.step(Run(("docker", "buildx", "create", "--name", builder)), (forget,))
    book.end("converged")
    put(host, {path: json.dumps({"Name": builder, "Driver": "docker-container", "Nodes": nodes})})
    assert forget in removal.plan(host).steps
    Path(host.path("/bin/docker")).unlink()
    assert set(removal.plan(host).steps) == {RemoveFile(path)}
    assert removal.remove(host, quiet)[1] == ()


@pytest.mark.parametrize("driver", ["remote", "kubernetes"])
def test_a_builder_elsewhere_with_the_name_of_ours_stays(host: Host, driver: str) -> None:
    builder = "container-builder"
    host.volumes = [{"Name": f"buildx_buildkit_{builder}0_state", "Labels": {traces.LABEL: builder}}]
    nodes = [{"Name": f"{builder}0", "Endpoint": "tcp://buildkit.example:1234"}]
    instance = {"Name": builder, "Driver": driver, "Nodes": nodes}
    put(host, {f"/root/.docker/buildx/instances/{builder}": json.dumps(instance)})
    assert not [s for s in removal.plan(host).steps if "buildx rm" in s.sentence()]


def test_a_removal_that_ends_early_tells_of_the_recovery_before_it(host: Host) -> None:
    applied(host, log_level="debug")
    put(host, {FILE: '{"log-level": "warn"}'})
    book = Journal(host, 2)
    book.begin("0", WANTED, ())
    book.step(WriteFile("/etc/x", "new"), (RemoveFile("/etc/x"),))

    def say(line: object) -> None:
        if "left as it is, somebody has changed that since" in str(line):
            signal.raise_signal(signal.SIGTERM)

    said = r"interrupted by SIGTERM; nothing was changed \(before that, .* history entry 2\)$"
    with pytest.raises(ProvisionerError, match=said):
        removal.remove(host, say)


def test_nothing_but_the_history_stays_in_the_folder_of_our_state(host: Host) -> None:
    wanted = WANTED._replace(daemon={"log-level": "debug"})
    apply.apply(host, Configuration(wanted, "/etc/provisioner/provisioner.yaml", "{}"), quiet, only=("daemon",))
    assert set(host.names(host.state)) > {"receipts", "configuration.json", "owned.json"}
    assert removal.remove(host, quiet)[1] == ()
    assert host.names(host.state) == ("receipts",)
