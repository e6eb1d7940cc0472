"""What a builder with a network of its own does not get from the host is said."""

from pathlib import Path

import pytest

from provisioner.builder import inherited, notes, store, variables
from provisioner.builder.wanted import Wanted
from provisioner.config.desired import Builder
from provisioner.engine.registries import Registries
from provisioner.host import System
from provisioner.model import Account
from tests.builder.test_obstacles import SOCKET, WHERE, facts, put
from tests.helpers.recorded import engine

ROUTES = "Iface\tDestination\tGateway\neth0\t0010A8C0\t00000000\n{}\t00000000\t0110A8C0\n"


def test_a_registry_that_only_etc_hosts_names_is_told(tmp_path: Path) -> None:
    put(
        tmp_path,
        "/etc/hosts",
        "127.0.0.1 localhost here.example\n10.0.1.180 hub.example other # 10.9.9.9 cert.example\n",
    )
    known = Registries(
        mirrors=("https://hub.example:5000/v2",), insecure=("here.example",), certificates={"cert.example": ()}
    )
    [told] = inherited.notes(System(str(tmp_path), {}), facts()._replace(registries=known))
    assert told.startswith("hub.example is in /etc/hosts")
    assert "network: host" in told


def test_a_registry_whose_images_are_here_and_that_only_etc_hosts_names_is_told(tmp_path: Path) -> None:
    put(tmp_path, "/etc/hosts", "10.0.1.180 hub.example\n10.0.1.181 team other.example\n")
    images = [
        {"Id": "1", "RepoTags": ["hub.example:5000/app:1", "team/app:1"], "RepoDigests": None},
        {"Id": "2", "RepoTags": None, "RepoDigests": ["other.example/app@sha256:1"]},
    ]
    with engine(tmp_path / SOCKET[1:], {"/images/json": images}):
        [told] = inherited.notes(System(str(tmp_path), {}), facts())
    assert told.startswith("hub.example other.example is in /etc/hosts")


def test_ranges_that_need_no_tls_are_told(tmp_path: Path) -> None:
    seen = facts()._replace(registries=Registries(ranges=("127.0.0.0/8", "::1/128", "10.0.0.0/8")))
    [told] = inherited.notes(System(str(tmp_path), {}), seen)
    assert "insecure-registries 10.0.0.0/8" in told


@pytest.mark.parametrize(("line", "told"), [("1400", True), ("1500", False), ("9000", False), ("", False)])
def test_a_line_with_smaller_packets_than_the_bridge_is_told(tmp_path: Path, line: str, told: bool) -> None:
    put(tmp_path, "/proc/net/route", ROUTES.format("wg0"))
    put(tmp_path, "/sys/class/net/eth0/mtu", "1200\n")
    put(tmp_path, "/sys/class/net/wg0/mtu", f"{line}\n")
    put(tmp_path, "/sys/class/net/docker0/mtu", "1500\n")
    assert [f"MTU of {line}" in note for note in inherited.notes(System(str(tmp_path), {}), facts())] == [True] * told


@pytest.mark.parametrize(
    ("pinned", "told"), [("1.41", True), ("1.44", False), ("1.52", False), ("1.60", True), ("", False), ("x", False)]
)
@pytest.mark.parametrize("where", ["this environment", "/etc/environment"])
def test_a_pinned_version_of_the_api_that_the_engine_refuses_is_told(
    tmp_path: Path, where: str, pinned: str, told: bool
) -> None:
    line = {variables.API: pinned}
    if where != "this environment":
        put(tmp_path, where, f"{variables.API}={pinned}\n")
    host = System(str(tmp_path), line if where == "this environment" else {})
    with engine(tmp_path / "run/engine.sock", {"/version": {"MinAPIVersion": "1.44", "ApiVersion": "1.52"}}):
        found = [n for n in variables.notes(host, WHERE.host, "b", "/run/engine.sock") if variables.API in n]
    assert [f"{variables.API}={pinned} in {where}" in n and "1.44 to 1.52" in n for n in found] == [True] * told


@pytest.mark.parametrize("where", ["this environment", "/etc/environment", "/etc/profile.d/ci.sh"])
def test_variables_that_choose_another_builder_are_told(tmp_path: Path, where: str) -> None:
    environ = {"BUILDX_BUILDER": "other", "BUILDX_CONFIG": "/srv/buildx"}
    if where != "this environment":
        put(tmp_path, where, "".join(f'{key}="{value}"\n' for key, value in environ.items()))
        environ = {}
    host = System(str(tmp_path), environ)
    host.uid = 0
    told = [note for note in notes.notes(host, facts(), Wanted(Builder(), facts())) if "BUILDX" in note]
    assert [where in note for note in told] == [True, True]
    assert "other" in told[0]
    chosen = System(str(tmp_path), {"BUILDX_BUILDER": "container-builder"})
    assert where != "this environment" or not [
        n for n in notes.notes(chosen, facts(), Wanted(Builder(), facts())) if "BUILDX" in n
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("DOCKER_BUILDKIT=0", "uses no builder of buildx there"),
        ("DOCKER_BUILDKIT=False", "uses no builder of buildx there"),
        ("DOCKER_BUILDKIT=no", "`docker build` fails there"),
        ("DOCKER_BUILDKIT=1", ""),
        ("DOCKER_BUILDKIT=", ""),
        ("DOCKER_DEFAULT_PLATFORM='linux/amd64'", "builds for linux/amd64 alone"),
        ("DOCKER_HOST=tcp://ci:2375", "docker talks to that engine there"),
        ("DOCKER_HOST=unix:///run/docker.sock", ""),
        ("DOCKER_CONTEXT=remote", "another engine there"),
        ("DOCKER_CONFIG=/srv/docker", "other settings and builders there"),
        ("# DOCKER_BUILDKIT=0", ""),
    ],
)
def test_variables_with_which_docker_builds_otherwise_are_told(tmp_path: Path, line: str, told: str) -> None:
    put(tmp_path, "/etc/profile.d/docker.sh", f"umask 022\nexport {line}\n" if line[0] != "#" else line)
    found = list(variables.notes(System(str(tmp_path), {}), WHERE.host, "b"))
    assert [told in note and "/etc/profile.d/docker.sh" in note for note in found] == [True] * bool(told)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({}, "/home/ci/.docker/buildx"),
        ({"DOCKER_CONFIG": "/d/"}, "/d/buildx"),
        ({"BUILDX_CONFIG": "/b"}, "/b"),
        ({"DOCKER_CONFIG": "/d", "BUILDX_CONFIG": "/b/"}, "/b"),
    ],
)
def test_a_user_s_own_variables_place_buildx_s_folder(tmp_path: Path, environ: dict[str, str], folder: str) -> None:
    host = System(str(tmp_path), environ)
    host.uid = 1000
    account = Account(host.user, 1000, 1000, (), "/home/ci")
    assert store.of(host, account).folder == folder
    other = account._replace(name="other", home="/home/other")
    assert store.of(host, other).folder == "/home/other/.docker/buildx"
