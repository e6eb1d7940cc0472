"""What of a store can be carried over, and what a person is told of the rest, on a recorded engine."""

import json
from pathlib import Path

import pytest

from provisioner.config.desired import Desired
from provisioner.daemon import containerd, inventory
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.image.engine import bare
from provisioner.image_store import consequences, migration
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


def test_images_are_carried_into_docker_s_own_namespace_alone(tmp_path: Path) -> None:
    assert migration.impossible(*host(tmp_path)) is None
    assert migration.impossible(*host(tmp_path, '{"containerd-namespace": "moby"}')) is None
    there, facts = host(tmp_path, '{"containerd-namespace": "k8s.io"}')
    by_key = migration.impossible(there, facts)
    there, facts = host(tmp_path)
    by_flag = migration.impossible(there, facts._replace(flags=("--containerd-namespace=k8s.io",)))
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
