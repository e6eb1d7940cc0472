"""The obstacles to a builder are reported before anything changes."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.builder import changes, credentials, images, notes, obstacles, packages, plugin, set_aside, store
from provisioner.builder.keys import STATUS
from provisioner.builder.places import Place
from provisioner.builder.set_aside import Box
from provisioner.builder.wanted import Wanted
from provisioner.config import drivers
from provisioner.config.desired import Builder, Node
from provisioner.engine import info
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.model import Account, Difference
from tests.helpers import recorded
from tests.helpers.recorded import engine

WHERE = Endpoint("default", "unix:///var/run/docker.sock", "default")
SOCKET = "/var/run/docker.sock"
DOCKER = "#!/bin/sh\n{}\n"


def put(top: Path, path: str, text: str = "", mode: int = 0o755) -> None:
    file = top / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def facts(version: str = "28.5.2", **more: Any) -> Facts:
    found = info.engine({"ServerVersion": version}, WHERE)
    return Facts(WHERE, found, SOCKET, (), "/etc/docker/daemon.json", False, (), {}, True, **more)


def missing(options: dict[str, str] | None = None) -> Box:
    """Return a container that must be made."""
    place = Place(store.Node("b0", WHERE.host, options=options or {}))
    return Box(place, None, {STATUS: Difference("container", None, "running")})


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo github.com/docker/buildx v0.29.1 abc", plugin.Plugin((0, 29, 1))),
        ("echo github.com/docker/buildx v0.0.0+unknown", plugin.Plugin()),
        ("echo \"docker: 'buildx' is not a docker command.\" >&2; exit 1", plugin.Plugin(missing="buildx")),
        ("echo 'docker: unknown command: docker buildx' >&2; exit 125", plugin.Plugin(missing="buildx")),
        ("echo 'exec format error' >&2; exit 1", plugin.Plugin(broken="exec format error")),
    ],
)
def test_docker_itself_is_asked_for_its_buildx(tmp_path: Path, script: str, found: plugin.Plugin) -> None:
    put(tmp_path, "/snap/bin/docker", DOCKER.format(script))
    assert plugin.asked(System(str(tmp_path), {})) == found


def test_a_host_without_docker_s_command_line_is_told_so(tmp_path: Path) -> None:
    found = plugin.asked(System(str(tmp_path), {}))
    assert found.missing == "docker"
    obstacle = plugin.obstacle(facts(), found, "apt-get install docker-cli")
    assert obstacle is not None
    assert (obstacle.code, obstacle.hint) == ("no-docker", "apt-get install docker-cli")


@pytest.mark.parametrize(
    ("buildx", "server", "blocked"),
    [((0, 31, 1), "20.10.24", True), ((0, 31, 1), "25.0.0", False), ((0, 32), "20.10", False), (None, "20.10", False)],
)
def test_a_buildx_that_does_not_talk_to_this_engine_is_named(
    buildx: tuple[int, ...] | None, server: str, blocked: bool
) -> None:
    found = plugin.obstacle(facts(server), plugin.Plugin(buildx), "")
    assert (found is not None and found.code == "buildx-too-new") is blocked


@pytest.mark.parametrize(
    ("endpoint", "blocked"),
    [("unix:///run/docker.sock", True), ("default", True), ("ssh://a@b", False), ("unix:///run/other.sock", False)],
)
def test_a_node_that_is_this_host_s_own_engine_is_named(tmp_path: Path, endpoint: str, blocked: bool) -> None:
    builder = Builder(users=("root",), nodes=(Node(endpoint=endpoint),))
    found = obstacles.whole(System(str(tmp_path), {}), facts(), Wanted(builder, facts()), plugin.Plugin(), ())
    assert (found.code if found else None) == ("duplicate-endpoint" if blocked else None)


MANAGERS = {
    "apt-get": "apt-get install --yes --no-install-recommends docker-buildx",
    "dnf": "dnf install --assumeyes --setopt=install_weak_deps=False docker-buildx",
    "zypper": "zypper --non-interactive install --no-recommends docker-buildx",
    "apk": "apk add docker-cli-buildx",
    "pacman": "pacman --sync --noconfirm --needed docker-buildx",
}


@pytest.mark.parametrize("manager", MANAGERS)
def test_a_missing_buildx_is_installed_unless_the_configuration_says_never(tmp_path: Path, manager: str) -> None:
    put(tmp_path, f"/usr/bin/{manager}")
    host = System(str(tmp_path), {})
    found = packages.install(host, "buildx", allowed=True)
    [step] = found.steps
    assert step.sentence() == f"run {MANAGERS[manager]}"
    assert found.hint == MANAGERS[manager]
    [undo] = step.inverse(host)
    assert (undo.stands(host), step.stands(host)) == (True, False)
    never = packages.install(host, "buildx", allowed=False)
    assert (never.steps, never.hint.startswith(MANAGERS[manager])) == ((), True)


def test_docker_s_own_packages_are_called_otherwise(tmp_path: Path) -> None:
    put(tmp_path, "/usr/bin/apt-get")
    put(tmp_path, "/var/lib/dpkg/info/docker-ce.list")
    found = packages.install(System(str(tmp_path), {}), "docker", allowed=True)
    assert found.hint.endswith("docker-ce-cli docker-buildx-plugin")


def test_a_distribution_without_the_package_is_told_so(tmp_path: Path) -> None:
    put(tmp_path, "/usr/bin/apt-get")
    put(tmp_path, "/usr/bin/apt-cache", DOCKER.format(""))
    put(tmp_path, "/var/lib/apt/lists/mirror_dists_bookworm_InRelease")
    (tmp_path / "proc/self").mkdir(parents=True)
    found = packages.install(System(str(tmp_path), {}), "buildx", allowed=True)
    assert not found.steps
    assert "no package docker-buildx" in found.hint


@pytest.mark.parametrize(
    ("release", "tried"),
    [("ID=debian\nVERSION_ID=12\n", False), ("ID=debian\nVERSION_ID=13\n", True), ("ID=debian\n", True), ("", True)],
)
def test_without_lists_the_distribution_s_release_tells_and_else_only_the_attempt(
    tmp_path: Path, release: str, tried: bool
) -> None:
    put(tmp_path, "/usr/bin/apt-get")
    put(tmp_path, "/etc/os-release", release)
    found = packages.install(System(str(tmp_path), {}), "buildx", allowed=True)
    assert bool(found.steps) is tried


@pytest.mark.parametrize(
    ("manager", "lists", "script", "tried"),
    [
        ("dnf", "/var/cache/dnf/fedora.solv", "echo docker-buildx-0:0.29.1-1.x86_64", True),
        ("dnf", "/var/cache/libdnf5/fedora/repodata", "", True),
        ("dnf", "", "", True),
        ("zypper", "/var/cache/zypp/raw/oss", "echo 'No matching items found.'; exit 104", False),
        ("zypper", "/var/cache/zypp/raw/oss", "echo 'System management is locked'; exit 7", True),
        ("pacman", "/var/lib/pacman/sync/extra.db", "exit 1", False),
        ("pacman", "", "exit 1", True),
    ],
)
def test_the_lists_of_each_package_manager_tell_before_an_attempt(
    tmp_path: Path, manager: str, lists: str, script: str, tried: bool
) -> None:
    put(tmp_path, f"/usr/bin/{manager}", DOCKER.format(script))
    (tmp_path / "proc/self").mkdir(parents=True)
    if lists:
        put(tmp_path, lists)
    found = packages.install(System(str(tmp_path), {}), "buildx", allowed=True)
    assert bool(found.steps) is tried


def test_without_lists_apt_s_no_is_none_because_others_only_mention_the_name(tmp_path: Path) -> None:
    put(tmp_path, "/usr/bin/apt-get")
    put(tmp_path, "/usr/bin/apt-cache", DOCKER.format("echo 'docker-buildx:'; echo '  Candidate: (none)'"))
    (tmp_path / "proc/self").mkdir(parents=True)
    assert packages.install(System(str(tmp_path), {}), "buildx", allowed=True).steps


@pytest.mark.parametrize("network", ["bridge", "host"])
def test_an_engine_without_a_bridge_needs_the_host_s_network(tmp_path: Path, network: str) -> None:
    host = System(str(tmp_path), {})
    (tmp_path / "proc/self").mkdir(parents=True)
    box = missing({"network": network})
    answers: dict[str, Any] = {f"/distribution/{drivers.IMAGE}/json": {}}
    with engine(tmp_path / SOCKET[1:], answers):
        found = obstacles.whole(host, facts(), Wanted(Builder(users=("root",)), facts()), plugin.Plugin(), (box,))
    assert (found.code if found else None) == ("no-bridge" if network == "bridge" else None)


@pytest.mark.parametrize(
    ("local", "offered", "hidden", "ctr", "blocked"),
    [
        (False, False, False, True, True),
        (False, True, False, True, False),
        (True, False, False, False, False),
        (True, False, True, False, True),
        (True, False, True, True, False),  # it is copied into the new store
    ],
)
@pytest.mark.parametrize("image", [drivers.IMAGE, "registry.example/buildkit:1"])
def test_an_image_that_cannot_be_had_is_named_before_a_restart(
    tmp_path: Path, image: str, local: bool, offered: bool, hidden: bool, ctr: bool, blocked: bool
) -> None:
    answers: dict[str, Any] = {f"/images/{image}/json": {"Id": "sha256:1", "Size": 9} if local else None}
    answers[f"/distribution/{image}/json"] = {} if offered else None
    box, want = missing({"image": image}), Wanted(Builder(users=("root",)), facts())
    (tmp_path / "proc/self").mkdir(parents=True)
    if ctr:
        put(tmp_path, "/usr/bin/ctr")
    with engine(tmp_path / SOCKET[1:], answers):
        host = System(str(tmp_path), {})
        found = images.unavailable(host, facts(hidden=hidden), want, box)
        copies = images.carried(host, facts(hidden=hidden), box, "root", packages=True)
        pulls = list(images.pull(host, facts(hidden=hidden), box, "root", packages=True))
    assert (found is not None) is blocked
    assert bool(copies) is (local and hidden and ctr)
    assert bool(pulls) is (not copies and (hidden or not local))


@pytest.mark.parametrize("allowed", [True, False])
def test_the_program_that_copies_buildkit_s_image_is_installed_before(tmp_path: Path, allowed: bool) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    put(tmp_path, "/usr/bin/apk", "#!/bin/sh\nexit 1\n")
    answers: dict[str, Any] = {f"/images/{drivers.IMAGE}/json": {"Id": "sha256:1", "Size": 9}}
    with engine(tmp_path / SOCKET[1:], {**answers, f"/distribution/{drivers.IMAGE}/json": None}):
        host = System(str(tmp_path), {})
        copies = images.carried(host, facts(hidden=True), missing(), "root", packages=allowed)
    kinds = [type(step).__name__ for step in copies]
    assert kinds == (["InstallPackages", "CopyImage"] if allowed else [])


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("received unexpected HTTP status: 503 Service Unavailable", "registry-busy"),
        ("Get https://x/v2/: net/http: TLS handshake timeout", "registry-busy"),
        ("toomanyrequests: you have reached your pull rate limit", "no-image"),
        ("unauthorized", "no-image"),
    ],
)
def test_a_registry_that_is_busy_is_told_from_one_that_has_no_image(tmp_path: Path, said: str, code: str) -> None:
    refusal = recorded.Refused(json.dumps({"message": said}).encode())
    (tmp_path / "proc/self").mkdir(parents=True)
    with engine(tmp_path / SOCKET[1:], {f"/distribution/{drivers.IMAGE}/json": refusal}):
        host = System(str(tmp_path), {})
        found = images.unavailable(host, facts(), Wanted(Builder(users=("root",)), facts()), missing())
    assert (found.code if found else None) == code


@pytest.mark.parametrize(("tls", "code"), [("tls=/certs&verify=1", "tls-endpoint"), ("", "")])
def test_an_engine_with_tls_gets_no_builder_that_cannot_reach_it(tmp_path: Path, tls: str, code: str) -> None:
    where = Endpoint("default", "tcp://127.0.0.1:2376", "DOCKER_HOST", tls)
    seen = facts()._replace(endpoint=where)
    want = Wanted(Builder(users=("root",)), seen)
    found = obstacles.whole(System(str(tmp_path), {}), seen, want, plugin.Plugin(), ())
    assert (found.code if found else "") == code


LOGIN = {"auth": base64.b64encode(b"ci:s3cret").decode()}
HELPERS = {
    "here": """echo '{"Username": "ci", "Secret": "s3cret"}'""",
    "empty": "echo credentials not found in native keychain; exit 1",
    "locked": "echo the keychain is locked; exit 1",
    "silent": "exit 0",
}
HELPER = """#!/bin/sh
read where; [ "$1 $where" = "get registry.example" ] && echo '{"Username": "ci", "Secret": "s3cret"}'
"""


@pytest.mark.parametrize(
    ("config", "known"),
    [
        ({"auths": {"registry.example": LOGIN}}, True),
        ({"auths": {"https://registry.example/v1/": LOGIN}}, True),
        ({"credsStore": "kept", "auths": {"registry.example": {}}}, True),
        ({"credHelpers": {"registry.example": "kept"}}, True),
        ({"auths": {"other.example": LOGIN}}, False),
        ({"auths": {"registry.example": {"auth": "no base64"}}}, False),
        ({"auths": {"registry.example": {"auth": f"{LOGIN['auth'][:4]}\r\n{LOGIN['auth'][4:]}\n"}}}, True),
        ({"auths": {"registry.example": {"auth": f"{LOGIN['auth'][:4]} {LOGIN['auth'][4:]}"}}}, False),
        ({"auths": 1, "credHelpers": [], "credsStore": {}}, False),
        ({"AUTHS": {"registry.example": {"Auth": LOGIN["auth"]}}}, True),
        ({"auths": {"registry.example": LOGIN}, "psFormat": 5}, False),
        ({"auths": {"registry.example": {"username": "ci", "password": "s3cret"}}, "psFormat": 5}, True),
        ({"auths": {"registry.example": {"username": "ci", "password": "s3cret"}}}, True),
        ({"credsStore": "kept", "credHelpers": {"registry.example": ""}, "auths": {"registry.example": LOGIN}}, True),
        ({"credsStore": "kept", "credHelpers": {"registry.example": ""}}, False),
        ({"auths": {"registry.example/team": LOGIN, "registry.example": {}}}, False),
        (f'{{"auths": {{"registry.example": {json.dumps(LOGIN)}}}}} more', True),
    ],
)
def test_the_engine_asks_a_registry_with_the_login_that_the_pull_will_use(
    tmp_path: Path, config: object, known: bool
) -> None:
    host = System(str(tmp_path), {})
    account = host.account("root")
    assert account is not None
    put(tmp_path, "/usr/bin/docker-credential-kept", HELPER)
    text = config if isinstance(config, str) else json.dumps(config)
    put(tmp_path, f"{account.home}/.docker/config.json", text, 0o600)
    said = credentials.header(host, account, "registry.example/buildkit:1")
    login = {"username": "ci", "password": "s3cret", "serveraddress": "registry.example"}
    assert (json.loads(base64.urlsafe_b64decode(said)) if said else None) == (login if known else None)


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"credsStore": "desktop.exe"}, "no-credential-helper"),
        ({"credsStore": "here"}, ""),
        ({"credsStore": "empty"}, ""),
        ({"credsStore": "locked"}, "credential-helper-fails"),
        ({"credsStore": "silent"}, "credential-helper-fails"),
        ({"credHelpers": {"registry.example": "desktop.exe"}}, ""),
        ({"credHelpers": {credentials.HUB: "gone"}, "credsStore": "here"}, "no-credential-helper"),
        ('{"credsStore": "desktop.exe"} more', "no-credential-helper"),
        ("not json", ""),
    ],
)
@pytest.mark.parametrize("docker", ["28.5.2", "29.0.0"])
def test_a_credential_helper_that_does_not_work_is_named(
    tmp_path: Path, config: object, code: str, docker: str
) -> None:
    host = System(str(tmp_path), {})
    put(tmp_path, "/usr/bin/docker", DOCKER.format(f"echo Docker version {docker}, build abc"))
    code = "" if code == "credential-helper-fails" and docker == "28.5.2" else code  # that docker pulls without
    account = host.account("root")
    assert account is not None
    for name, script in HELPERS.items():
        put(tmp_path, f"/usr/bin/docker-credential-{name}", f"#!/bin/sh\n{script}\n")
    text = config if isinstance(config, str) else json.dumps(config)
    put(tmp_path, f"{account.home}/.docker/config.json", text, 0o600)
    found = images.helper(host, facts(hidden=True), Wanted(Builder(users=("root",)), facts()), missing())
    assert (found.code if found else "") == code


OBJECT = '{"ServerURL": "https://index.docker.io/v1/", "Username": "ci", "Secret": "s3cret"}'


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f"echo '{OBJECT}'; exit 1", "it ended with status 1"),
        (f"echo; echo '{OBJECT}'; echo the bus is gone >&2; exit 3", "the bus is gone"),
        (f"echo 'found {OBJECT}'; exit 1", "it ended with status 1"),
        (f"echo '{OBJECT}' >&2; exit 1", "it ended with status 1"),
        ("echo the keychain is locked; exit 1", "the keychain is locked"),
        (
            "/usr/bin/yes [ | /usr/bin/head -n 100000",
            "it answers with something else than a login",
        ),
        (f"echo '{OBJECT} {OBJECT}'", "it answers with something else than a login"),
    ],
)
def test_what_a_credential_helper_answers_is_quoted_without_a_secret(tmp_path: Path, script: str, said: str) -> None:
    put(tmp_path, "/usr/bin/docker-credential-kept", f"#!/bin/sh\n{script}\n")
    host = System(str(tmp_path), {})
    account = host.account("root")
    assert account is not None
    assert credentials.asked(host, account, "docker-credential-kept", credentials.HUB) == credentials.Asked({}, said)


@pytest.mark.parametrize(
    ("value", "docker", "known"),
    [
        ({"auths": {"registry.example": LOGIN}}, "28.5.2", True),
        ({"auths": {"registry.example": LOGIN}}, "28.2.1", False),
        ({"auths": {"registry.example": LOGIN, "other.example": {}}}, "28.5.2", False),
        ({"auths": {"registry.example": {**LOGIN, "email": "x"}}}, "28.5.2", False),
        ({"auths": {"registry.example": LOGIN}, "credsStore": "x"}, "28.5.2", False),
        ({"auths": {"https://registry.example": LOGIN}}, "28.5.2", False),
        ("{", "28.5.2", False),
        ("", "28.5.2", False),
    ],
)
def test_the_login_of_the_environment_comes_first(tmp_path: Path, value: object, docker: str, known: bool) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    host = System(str(tmp_path), {"DOCKER_AUTH_CONFIG": text})
    account = host.account(host.user)
    assert account is not None
    put(tmp_path, "/usr/bin/docker", DOCKER.format(f"echo Docker version {docker}, build abc"))
    put(tmp_path, f"{account.home}/.docker/config.json", '{"credsStore": "gone"}', 0o600)
    said = credentials.header(host, account, "registry.example/buildkit:1")
    assert (json.loads(base64.urlsafe_b64decode(said))["username"] if said else None) == ("ci" if known else None)
    box = missing({"image": "registry.example/buildkit:1"})
    found = images.helper(host, facts(hidden=True), Wanted(Builder(users=(host.user,)), facts()), box)
    assert (found is None) is known
    assert credentials.environment(host, account._replace(name="other"), "registry.example") == {}


def test_a_paused_container_is_woken_and_one_that_does_not_stay_up_is_made_again() -> None:
    place = Place(store.Node("b0", WHERE.host))
    for status, paused, remake in (("paused", True, False), ("restarting", False, True), ("exited", False, False)):
        box = Box(place, {"Id": "1", "State": {"Status": status}}, {STATUS: Difference("container", status, "running")})
        assert (box.paused, box.remake) == (paused, remake)
    assert set_aside.MARK == drivers.ASIDE


@pytest.mark.parametrize(("status", "woken"), [("paused", True), ("exited", False)])
def test_a_plan_wakes_a_paused_container_instead_of_booting_the_builder(
    tmp_path: Path, status: str, woken: bool
) -> None:
    """buildx waits for a paused container until it gives up."""
    put(tmp_path, "/usr/bin/docker", DOCKER.format("echo github.com/docker/buildx v0.29.1 abc"))
    (tmp_path / "proc/self").mkdir(parents=True)
    name = "buildx_buildkit_b0"
    found = recorded.container("1")
    found["State"]["Status"] = status
    want = Wanted(Builder("b", users=("root",)), facts())
    with engine(tmp_path / SOCKET[1:], {f"/containers/{name}/json": found, "/containers/json": []}):
        difference = (Difference("container", status, "running"),)
        made = changes.change("builder", System(str(tmp_path), {}), facts(), want, difference)
    assert not made.blocked
    does = [step.sentence() for step in made.edits]
    assert (f"run docker container unpause {name}" in does) is woken
    assert any("--bootstrap" in words for words in does) is not woken


def test_a_store_where_its_user_cannot_write_is_that_user_s_obstacle(tmp_path: Path) -> None:
    host = System(str(tmp_path), {})
    folder = f"{tmp_path}{host.home}/.docker"
    want = Wanted(Builder("b", users=(host.user,)), facts())
    Path(folder).mkdir(parents=True)
    assert list(obstacles.users(host, facts(), want)) == []
    Path(folder, "buildx").symlink_to("/nowhere")
    [(user, found)] = obstacles.users(host, facts(), want)
    assert (user, found.code) == (host.user, "closed-home")
    assert f"{host.home}/.docker/buildx" in found.message
    host.uid = 61234  # as the hourly check: what it may not write tells nothing of the user
    assert list(obstacles.users(host, facts(), want)) == []


MOUNTS = "36 28 0:40 / /home ro,nosuid - tmpfs tmpfs ro\n"


class Full(System):
    """A host with a disk on which a user's files have no place, whoever owns the folders."""

    def unmakeable(self, path: str, user: str = "") -> str:
        return "Disk quota exceeded" if user == self.user and path.startswith(self.home) else ""


def test_a_user_without_room_for_buildx_s_files_is_blocked(tmp_path: Path) -> None:
    host = Full(str(tmp_path), {})
    want = Wanted(Builder(users=(host.user,)), facts())
    (tmp_path / "var/run").mkdir(parents=True)
    (tmp_path / "var/run/docker.sock").touch()
    [(user, found)] = obstacles.users(host, facts(), want)
    assert (user, found.code) == (host.user, "not-writable")
    assert "Disk quota exceeded" in found.message


def test_a_home_that_a_sandbox_hides_is_hidden_and_not_empty(tmp_path: Path) -> None:
    host = System(str(tmp_path), {})
    kept = store.of(host, Account("ci", 1000, 1000, (), "/home/ci"))
    assert not store.hidden(host, kept)
    put(tmp_path, "/proc/self/mountinfo", MOUNTS)
    assert store.hidden(host, kept)
    (tmp_path / "home/ci").mkdir(parents=True)
    assert not store.hidden(host, kept)


def test_the_snap_s_docker_keeps_its_builders_in_the_home_that_snap_gives_it(tmp_path: Path) -> None:
    host, account = System(str(tmp_path), {}), Account("ci", 1000, 1000, (), "/home/ci")
    put(tmp_path, "/snap/bin/docker")
    assert store.of(host, account).folder == "/home/ci/snap/docker/current/.docker/buildx"
    put(tmp_path, "/usr/bin/docker")
    assert store.of(host, account).folder == "/home/ci/.docker/buildx"


@pytest.mark.parametrize(
    ("image", "known"),
    [
        ("moby/buildkit:v0.12.5", False),
        ("moby/buildkit:v0.17.0", True),
        ("moby/buildkit:buildx-stable-1", True),
        ("moby/buildkit@sha256:" + "a" * 64, True),
    ],
)
def test_no_limit_is_written_that_this_buildkit_does_not_know(image: str, known: bool, tmp_path: Path) -> None:
    builder = Builder(driver_options={"image": image})
    want = Wanted(builder, facts())
    assert ("worker" in want.toml) is known
    told = [note for note in notes.notes(System(str(tmp_path), {}), facts(), want) if "does not know limits" in note]
    assert bool(told) is not known
