"""What of a store can be carried over, and what a person is told of the rest, on a recorded engine."""

import json
from pathlib import Path

import pytest

from provisioner.config.desired import Desired, ImageStore
from provisioner.daemon import containerd, inventory
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.image.engine import bare
from provisioner.image_store import consequences, ctr, migration
from tests.helpers.recorded import engine

PINNED = f"example.com/app@sha256:{'1' * 64}"


def host(tmp_path: Path, config: str = "{}") -> tuple[System, Facts]:
    """A host with ctr and a daemon.json."""
    for name, text in {"usr/bin/ctr": "#!/bin/sh\n", "etc/docker/daemon.json": config}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "usr/bin/ctr").chmod(0o755)
    found = System(str(tmp_path), {}, "x86_64")
    return found, bare(found)._replace(socket="/run/docker.sock")


DEBIAN, DOCKER = "var/lib/dpkg/info/containerd.list", "var/lib/dpkg/info/containerd.io.list"
NEVER = " (packages: never keeps provisioner from that)"
ADD = "zypper --non-interactive install --no-recommends containerd-ctr"
WITHOUT_CTR = {
    "openSUSE": ("zypper", (), True, ADD, True),
    "openSUSE, told not to install": ("zypper", (), False, f"{ADD}{NEVER}", False),
    "Alpine": ("apk", (), True, "apk add containerd-ctr", True),
    "Alpine, told not to install": ("apk", (), False, f"apk add containerd-ctr{NEVER}", False),
    "Debian": ("apt-get", (DEBIAN,), True, "apt-get install --reinstall containerd", False),
    "Docker's own packages": ("apt-get", (DOCKER,), True, "apt-get install --reinstall containerd.io", False),
    "a containerd of no package": ("apt-get", (), True, ctr.BY_HAND, False),
    "Fedora": ("dnf", (), True, ctr.BY_HAND, False),
    "no package manager": ("", (), True, ctr.BY_HAND, False),
}


@pytest.mark.parametrize("name", WITHOUT_CTR)
def test_ctr_is_installed_where_it_has_a_package_of_its_own_and_else_the_command_is_told(
    tmp_path: Path, name: str
) -> None:
    manager, files, allowed, hint, installed = WITHOUT_CTR[name]
    there, facts = host(tmp_path)
    (tmp_path / "usr/bin/ctr").unlink()
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    if manager:
        (tmp_path / "usr/bin" / manager).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "usr/bin" / manager).chmod(0o755)
    wanted = Desired(image_store=ImageStore("containerd", "migrate"), packages="auto" if allowed else "never")
    answers = {
        "/containers/json": [],
        "/images/json": [{"Id": "sha256:1", "Size": 5, "RepoTags": ["app:1"], "RepoDigests": []}],
    }
    with engine(tmp_path / "run/docker.sock", answers):
        made = migration.plan(there, facts, wanted)
        blocked = migration.impossible(there, facts, packages=allowed)
    assert ctr.install(there, allowed=allowed).hint == hint
    assert [step.sentence() for step in made.first] == ([f"run {hint}"] if installed else [])
    assert [(why.code, why.hint) for why in made.obstacles] == ([] if installed else [("no-ctr", hint)])
    assert bool(made.steps) is installed
    assert (blocked is None) is installed


def test_a_host_without_images_needs_no_ctr(tmp_path: Path) -> None:
    there, facts = host(tmp_path)
    (tmp_path / "usr/bin/ctr").unlink()
    (tmp_path / "usr/bin/apk").touch(0o755)
    with engine(tmp_path / "run/docker.sock", {"/containers/json": [], "/images/json": []}):
        made = migration.plan(there, facts, Desired(image_store=ImageStore("containerd", "migrate")))
    assert (made.first, made.steps, made.obstacles) == ((), (), ())


def test_images_are_carried_into_docker_s_own_namespace_alone(tmp_path: Path) -> None:
    assert migration.impossible(*host(tmp_path), packages=True) is None
    assert migration.impossible(*host(tmp_path, '{"containerd-namespace": "moby"}'), packages=True) is None
    there, facts = host(tmp_path, '{"containerd-namespace": "k8s.io"}')
    by_key = migration.impossible(there, facts, packages=True)
    there, facts = host(tmp_path)
    by_flag = migration.impossible(there, facts._replace(flags=("--containerd-namespace=k8s.io",)), packages=True)
    for found in (by_key, by_flag):
        assert found is not None
        assert found.code == "other-namespace"
        assert "k8s.io" in found.message


@pytest.mark.parametrize("flagged", [False, True])
def test_the_containerd_that_the_engine_is_told_to_use_is_the_one_that_is_asked(tmp_path: Path, flagged: bool) -> None:
    there, facts = host(tmp_path, "{}" if flagged else json.dumps({"containerd": "/run/own.sock"}))
    assert containerd.address(there, facts._replace(flags=("--containerd", "/run/own.sock") if flagged else ())) == (
        "/run/own.sock"
    )


def test_an_image_without_a_tag_and_the_build_cache_are_named(tmp_path: Path) -> None:
    there, facts = host(tmp_path)
    answers = {
        "/containers/json": [],
        "/images/json": [{"Id": "sha256:1", "Size": 5, "RepoTags": [], "RepoDigests": [PINNED]}],
        "/system/df": {"BuildCache": [{"Size": 7}, {"Size": 6}]},
    }
    with engine(tmp_path / "run/docker.sock", answers):
        said = migration.notes(there, facts, inventory.count(there, facts, Desired()))
        assert said == (
            f"{PINNED}: its digest changes with the store; `docker pull {PINNED}` gives it back"
            " (it has no tag, and stays behind)",
        )
        hidden = [line for line in consequences.notes(there, facts) if "build cache" in line]
    assert hidden == ["the build cache of docker build (13 B) goes out of sight; the builder has a cache of its own"]


@pytest.mark.parametrize("flags", [(), ("--storage-opt", "overlay2.size=9G")])
@pytest.mark.parametrize("said", [(), ("overlay2.size=20G",)])
def test_quotas_of_the_other_store_s_driver_are_named(
    tmp_path: Path, flags: tuple[str, ...], said: tuple[str, ...]
) -> None:
    there, facts = host(tmp_path, json.dumps({"storage-opts": [*said]}))
    facts = facts._replace(flags=flags)
    with engine(tmp_path / "run/docker.sock", {}):
        found = [line for line in consequences.notes(there, facts) if "quota" in line]
        back = list(consequences.notes(there, facts._replace(engine=facts.engine._replace(containerd=True))))
    assert [all(word in line for word in (*said, *flags[1:])) for line in found] == [True] * bool(said or flags)
    assert back == [consequences.BACK]
