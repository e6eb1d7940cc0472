"""Which builder a shell builds with, where the user has once chosen one in a context that leads to this engine."""

import json
import os
from pathlib import Path

import pytest

from provisioner.builder import choices, keys, obstacles, removing, selection, store
from provisioner.builder.store import Instance, Store
from provisioner.builder.wanted import Wanted
from provisioner.config.desired import Builder, Desired
from provisioner.engine import contexts, target
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.engine.info import engine
from provisioner.errors import ConfigError, DeniedError
from provisioner.host import System
from provisioner.model import Account, Status

SOCKET = "unix:///var/run/docker.sock"
KEPT = Store("/root/.docker/buildx", "root", "/root/.docker")
INSTANCE = Instance("ours", "docker-container", ())


def facts(context: str = "default") -> Facts:
    where = Endpoint(context, SOCKET, "/var/run/docker.sock")
    return Facts(where, engine({"ServerVersion": "28.5.2"}, where), "/s", (), "/d", False, (), {}, True)


def put(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "root/.docker" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def host(tmp_path: Path) -> System:
    """A host whose context ``test`` leads to docker's own socket. There, the engine's own builder was chosen."""
    put(tmp_path, "contexts/meta/1/meta.json", json.dumps({"Name": "test", "Endpoints": {"docker": {"Host": SOCKET}}}))
    put(tmp_path, "buildx/current", json.dumps({"Key": "test", "Name": "", "Global": False}))
    return System(str(tmp_path), {})


def test_our_builder_becomes_the_default_of_a_context_for_which_another_was_chosen(host: System) -> None:
    """Selecting ours replaces that choice, because buildx keeps one. Without a default, the context would be missed."""
    assert selection.missing_ways(host, facts(), KEPT, "ours") == ("unix:///run/docker.sock", "test")


def test_a_later_choice_in_a_context_is_left_alone_and_noted(host: System, tmp_path: Path) -> None:
    for way in (SOCKET, "unix:///run/docker.sock", "test"):
        put(tmp_path, f"buildx/defaults/{store.digest(way)}", "ours")
    found = selection.selected(host, facts(), Wanted(Builder(name="ours"), facts()), KEPT, INSTANCE)
    assert found.state == dict.fromkeys(keys.SELECTION, "ours")
    assert found.note.startswith("root builds with the engine's own builder in the context test, by choice")


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("way", [SOCKET, "test"])
def test_the_choice_of_a_former_builder_of_ours_is_no_choice_of_the_user_s(
    host: System, tmp_path: Path, way: str, kept: bool
) -> None:
    put(tmp_path, "buildx/current", json.dumps({"Key": way, "Name": "former", "Global": False}))
    put(tmp_path, "buildx/instances/former", '{"Name": "former", "Driver": "docker-container"}')
    for name in (SOCKET, "unix:///run/docker.sock", "test"):
        put(tmp_path, f"buildx/defaults/{store.digest(name)}", "ours")
    desired = Desired(builder=Builder("ours", users=("root",)), keep=("builders",) if kept else ())
    seen = facts()._replace(made={"former": ("root",)})
    found = selection.selected(host, seen, Wanted(desired.builder, seen, desired), KEPT, INSTANCE)
    assert (found.state == dict.fromkeys(keys.SELECTION, "ours")) is kept
    assert bool(found.note) is kept


class Closed(System):
    """A host on which the user may not read some of the own files, as `sudo docker buildx` leaves them."""

    closed: str

    def read(self, path: str, *, user: str = "") -> str | None:
        if self.closed in path:
            raise DeniedError(f"{path}: its user may not read it")
        return super().read(path, user=user)


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("closed", ["buildx/current", "buildx/defaults/"])
def test_a_choice_that_nobody_may_read_is_not_known_and_keeps_nothing_from_going(tmp_path: Path, closed: str) -> None:
    put(tmp_path, "buildx/current", json.dumps({"Key": SOCKET, "Name": "ours", "Global": False}))
    put(tmp_path, f"buildx/defaults/{store.digest(SOCKET)}", "ours")
    there = Closed(str(tmp_path), {})
    there.closed = closed
    with pytest.raises(DeniedError, match=f"{closed}.*its user may not read it"):
        selection.selected(there, facts(), Wanted(Builder(name="ours"), facts()), KEPT, INSTANCE)
    gone = [step.sentence() for step in removing.forget(there, "ours", "root", SOCKET)]
    assert any("buildx rm" in sentence for sentence in gone)
    assert len(gone) == 2  # and the file that can be read


@pytest.mark.parametrize(("context", "told"), [("test", True), ("default", False)])
def test_docker_is_told_its_own_socket_where_a_context_leads_there(host: System, context: str, told: bool) -> None:
    """Otherwise buildx would record the selection under the context's name, and not under the socket's."""
    host.uid = 0
    pointed, _ = target.with_engine(host, Desired(builder=Builder("ours", users=("root",))), facts(context))
    assert (pointed.endpoint == SOCKET) is told


RECORD = '{"Name": "ours", "Driver": "docker-container", "Nodes": []}'
META = "meta.json"
CONTEXT = f"contexts/meta/x/{META}"
BROKEN = {
    "nothing": ({}, ()),
    "a time that is none": ({"buildx/activity/ours": "yesterday"}, ("buildx/activity/ours",)),
    "an end of line after the time": ({"buildx/activity/ours": "2026-01-02T03:04:05Z\n"}, ("buildx/activity/ours",)),
    "a time": ({"buildx/activity/ours": "2026-01-02T03:04:05Z"}, ()),
    "a broken context": ({CONTEXT: "{"}, (CONTEXT,)),
    "a context with a number for its host": ({CONTEXT: '{"Endpoints": {"docker": {"Host": 5}}}'}, (CONTEXT,)),
    "a folder for a context's file": ({f"{CONTEXT}/y": ""}, ()),
    "a file in the place of a context": ({"contexts/meta/x": "{"}, ()),
    "a context in a folder below": ({f"contexts/meta/x/y/{META}": "{"}, (f"contexts/meta/x/y/{META}",)),
    "a context in a folder of a context's": (
        {CONTEXT: "{}", f"{CONTEXT[:-9]}y/{META}": "{"},
        (f"{CONTEXT[:-9]}y/{META}",),
    ),
    "a file for the records": ({"buildx/instances": "x"}, ("buildx/instances",)),
    "a folder for the lock": ({"buildx/.lock/x": ""}, ("buildx/.lock",)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_on_which_buildx_fails_is_named(tmp_path: Path, name: str) -> None:
    files, broken = BROKEN[name]
    for path, text in files.items():
        put(tmp_path, path, text)
    found = choices.broken(System(str(tmp_path), {}), KEPT, "ours")
    assert found == tuple(f"{KEPT.docker}/{path}" for path in broken)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, ""),
        ({CONTEXT: "{"}, "broken-context"),
        ({"buildx/current/x": ""}, "wrong-kind"),
        ({"buildx/instances/ours/x": ""}, "wrong-kind"),
        ({"buildx/defaults": ""}, "wrong-kind"),
    ],
)
def test_what_is_in_the_way_of_buildx_blocks_its_user(tmp_path: Path, files: dict[str, str], code: str) -> None:
    (tmp_path / "root").mkdir()
    for path, text in files.items():
        put(tmp_path, path, text)
    want = Wanted(Builder(name="ours", users=("root",)), facts())
    found = [why.code for _, why in obstacles.users(System(str(tmp_path), {}), facts(), want)]
    assert found == ([code] if code else [])


def test_a_record_of_another_builder_is_none_of_ours(tmp_path: Path) -> None:
    put(tmp_path, "buildx/instances/ours", RECORD.replace("ours", "theirs"))
    host = System(str(tmp_path), {})
    with pytest.raises(ConfigError, match="this is the record of theirs"):
        store.instance(host, KEPT, "ours")
    assert not choices.usable(host, KEPT, "ours")
    put(tmp_path, "buildx/instances/ours", RECORD)
    assert choices.usable(host, KEPT, "ours")


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("name", ["x\0y", "\ud800", "../../x", "x" * 300])
def test_a_choice_of_what_can_be_no_builder_ends_no_check(tmp_path: Path, name: str, everywhere: bool) -> None:
    """The text is a user's, and JSON can write a NUL and half of a UTF-16 pair."""
    put(
        tmp_path,
        "buildx/current",
        json.dumps({"Key": "" if everywhere else SOCKET, "Name": name, "Global": everywhere}),
    )
    kept = KEPT._replace(user="dev")
    host = System(str(tmp_path), {})
    host.uid = 1000
    for select in ("once", "always"):
        want = Wanted(Builder(name="ours", select=select), facts())
        assert selection.selected(host, facts(), want, kept, INSTANCE).state[keys.SELECTED] != "ours"
    assert not choices.usable(host, kept, name)


@pytest.mark.parametrize("name", ["x\0y", "\ud800"])
def test_a_context_that_nobody_can_name_is_no_way_to_an_engine(tmp_path: Path, name: str) -> None:
    put(tmp_path, CONTEXT, json.dumps({"Name": name, "Endpoints": {"docker": {"Host": SOCKET}}}))
    assert choices.ways(System(str(tmp_path), {}), KEPT, SOCKET) == ("unix:///run/docker.sock",)


class Shut(System):
    """A host on which we may not look into the .docker of ``dev``: a network file system refuses even root."""

    def stat(self, path: str) -> Status | None:
        if path.startswith("/home/dev/.docker/"):
            raise DeniedError(f"{path}: this user may not see it")
        return super().stat(path)

    def account(self, user: str) -> Account | None:
        return Account(user, 0, 0, (), "/root") if user == "root" else Account(user, 1000, 1000, (), f"/home/{user}")

    def barred(self, path: str, user: str) -> str | None:
        return "/home/dev" if path.startswith("/home/dev/") else None


def test_a_folder_that_nobody_may_look_into_blocks_its_user_alone(tmp_path: Path) -> None:
    for folder in ("root", "home/dev/.docker"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "s").touch()
    (tmp_path / "s").chmod(0o666)
    host = Shut(str(tmp_path), {})
    host.uid = 1000
    want = Wanted(Builder(name="ours", users=("root", "dev")), facts())
    assert [(user, why.code) for user, why in obstacles.users(host, facts(), want)] == [("dev", "closed-home")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_looks_where_buildx_keeps_files_as_their_user(tmp_path: Path) -> None:
    """A user's link could tell whether a file of somebody else's is there, and what it is."""
    secret, folder = tmp_path / "secret", tmp_path / "buildx"
    for one in (secret, folder):
        one.mkdir()
    (secret / "file").touch()
    (folder / "instances").symlink_to(secret / "file")
    secret.chmod(0o700)
    kept = Store(str(folder), "nobody", str(tmp_path))
    with pytest.raises(DeniedError):
        choices.misplaced(System("/", {}), kept)
    assert choices.misplaced(System("/", {}), kept._replace(user="root")) == f"{folder}/instances"


def test_docker_skips_a_link_to_a_context_and_follows_one_to_its_file(tmp_path: Path) -> None:
    put(tmp_path, f"elsewhere/{META}", "{")
    meta = tmp_path / "root/.docker/contexts/meta"
    (meta / "own").mkdir(parents=True)
    (meta / "link").symlink_to("../../elsewhere")
    assert choices.broken(System(str(tmp_path), {}), KEPT, "ours") == ()
    (meta / "own" / META).symlink_to(f"../../../elsewhere/{META}")
    assert choices.broken(System(str(tmp_path), {}), KEPT, "ours") == (f"/root/.docker/contexts/meta/own/{META}",)


@pytest.mark.parametrize("denied", ["contexts/meta/x/meta.json", "contexts/meta/"])
def test_a_context_that_its_user_may_not_read_is_broken(tmp_path: Path, denied: str) -> None:
    """docker fails on it as on one that is no JSON. Nobody gives it back, because it may be readable on purpose."""
    put(tmp_path, CONTEXT, "{}")
    host = Refusing(str(tmp_path), {})
    host.refused = denied
    host.uid = 0
    assert choices.broken(host, KEPT, "ours") == (f"/root/.docker/{denied}",)
    host.uid = 1000  # may this user know what another one may read?
    with pytest.raises(DeniedError):
        choices.broken(host, KEPT._replace(user="somebody else"), "ours")


def test_a_time_that_its_user_may_not_read_hides_nothing_else(tmp_path: Path) -> None:
    put(tmp_path, CONTEXT, "{")
    host = Refusing(str(tmp_path), {})
    host.refused = "buildx/activity/ours"
    assert choices.broken(host, KEPT, "ours") == (f"/root/.docker/{CONTEXT}",)
    (tmp_path / "root/.docker" / CONTEXT).unlink()
    with pytest.raises(DeniedError):
        choices.broken(host, KEPT, "ours")


class Refusing(System):
    """A host on which the user may not read a file, or not look into a folder, whose name has a slash at its end."""

    refused: str

    def read(self, path: str, *, user: str = "") -> str | None:
        if path.endswith(self.refused):
            raise DeniedError(f"{path}: its user may not read it")
        return super().read(path, user=user)

    def names(self, path: str, *, user: str = "") -> tuple[str, ...]:
        if f"{path}/".endswith(self.refused):
            raise DeniedError(f"{path}: this user may not look into it")
        return super().names(path, user=user)


def test_a_check_ends_whatever_folders_a_user_has_made(tmp_path: Path) -> None:
    seen: list[str] = []

    class Endless(System):
        """A host on which each folder of contexts holds many more."""

        def names(self, path: str, *, user: str = "") -> tuple[str, ...]:
            seen.append(path)
            return tuple(map(str, range(1000)))

        def directory(self, path: str, user: str = "") -> bool | None:
            return None

        def read(self, path: str, *, user: str = "") -> str | None:
            return None

    assert contexts.broken(Endless(str(tmp_path), {}), "/home/dev/.docker", user="dev") == ""
    assert len(seen) == contexts.MOST
