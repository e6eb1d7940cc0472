"""From a bare engine to a ready host, and back."""

import json

import pytest

from provisioner.cli.journald import EVENTS
from tests.conftest import Boot
from tests.helpers.booted import (
    BUILDER,
    DAEMON_JSON,
    ENTRY,
    LAYERS,
    agent,
    differences,
    portrait,
    started,
    steps,
    store,
)

pytestmark = pytest.mark.host
ENGINES = ("trixie", "forky", "29")


@pytest.mark.parametrize("engine", ENGINES)
def test_one_apply_makes_a_bare_engine_ready_and_a_second_one_changes_nothing(boot: Boot, engine: str) -> None:
    host = boot(engine, layers=LAYERS, agent=True)
    first = agent(host, "apply")
    assert first.status == 0, first.stderr
    rows = first.document["proof"]["platforms"]
    assert [(r["platform"], r["built"], r["indexed"], r["runs"]) for r in rows] == [
        ("linux/amd64", True, True, True),
        ("linux/arm64", True, True, True),
    ]
    assert rows[0]["how"] == "native"
    assert rows[1]["how"].startswith("QEMU 10.")
    assert "io.containerd.snapshotter.v1" in store(host)
    since = started(host)
    second = agent(host, "apply")
    assert (second.status, second.document["changed"], second.document["changes"]) == (0, False, [])
    assert started(host) == since
    assert agent(host, "check").status == 0
    assert host.sh("docker images -q; docker ps -aq --filter label=io.provisioner.proof").stdout.count("\n") == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_a_ready_host_is_ready_again_after_a_power_cut(boot: Boot, engine: str) -> None:
    host = boot(engine, layers=LAYERS, agent=True)
    assert agent(host, "apply").status == 0
    host.cut()
    host.boot()
    host.wait("the builder", lambda: BUILDER in host.sh("docker ps --format '{{.Names}}'").stdout)
    checked = agent(host, "check")
    assert (checked.status, checked.document["differences"]) == (0, [])
    proven = agent(host, "prove")
    assert (proven.status, [r["runs"] for r in proven.document["platforms"]]) == (0, [True, True])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "old", [None, b'{\r\n\t"debug": false,\r\n\t"log-level": "info"\r\n}'], ids=["absent", "there"]
)
def test_rollback_leaves_nothing_of_ours(boot: Boot, engine: str, old: bytes | None) -> None:
    host = boot(engine, layers=LAYERS, agent=True, files={DAEMON_JSON: old} if old else {})
    before = portrait(host)
    assert agent(host, "apply").status == 0
    assert portrait(host) != before
    undone = agent(host, "rollback")
    assert (undone.status, undone.document["undone"]) == (0, [1]), undone.stderr
    assert portrait(host) == before
    assert host.get(DAEMON_JSON) == old
    assert agent(host, "rollback").document["undone"] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_each_drift_is_named_and_repaired_and_nothing_else(boot: Boot, engine: str) -> None:
    host = boot(engine, layers=LAYERS, agent=True)
    assert agent(host, "apply").status == 0
    since = started(host)
    host.sh(f"echo -1 > {ENTRY}", check=True)
    host.sh(f"docker rm -f {BUILDER}", check=True)
    wanted = {
        "emulators: linux/arm64",
        "builder: container",
    }
    repairs = [
        "register qemu-aarch64 with the kernel",
        "run docker buildx inspect --bootstrap container-builder",
    ]
    if engine != "29":  # which has the store by default, and needs no key
        host.sh(f"rm {DAEMON_JSON}", check=True)
        wanted.add("image store: containerd-snapshotter in daemon.json")
        repairs.insert(1, f"set features.containerd-snapshotter to true in {DAEMON_JSON}")
    checked = agent(host, "check")
    assert (checked.status, differences(checked)) == (2, wanted)
    repaired = agent(host, "apply")
    assert (repaired.status, steps(repaired)) == (0, repairs), repaired.stderr
    assert started(host) == since
    assert agent(host, "check").status == 0


def test_a_later_choice_elsewhere_and_a_new_login_keep_the_builder(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    assert agent(host, "apply").status == 0
    host.sh("docker context create other --docker host=unix:///run/docker.sock", check=True)
    host.sh("docker --context other buildx use other", check=True)
    chosen = host.sh("env -i HOME=/root PATH=$PATH docker buildx inspect | head -1", check=True).stdout
    assert chosen.split() == ["Name:", "container-builder"]
    assert differences(agent(host, "check")) == {"builder: default of every other way to this engine"}
    assert agent(host, "apply").status == 0
    for way in ("--context=other", "--host=unix:///run/docker.sock"):
        assert host.sh(f"docker {way} buildx inspect | head -1").stdout.split() == ["Name:", "container-builder"]
    assert agent(host, "check").status == 0


def test_an_image_store_that_would_hide_images_is_held_until_told_otherwise(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.sh("tar c -C /usr/bin env | docker import - keep:1", check=True)
    held = agent(host, "apply")
    assert held.status == 5, held.stderr
    assert "would hide 1 image (" in held.document["left"][0]["blocked"][0]["message"]
    assert [r["runs"] for r in held.document["proof"]["platforms"]] == [True, True]
    assert "keep" in host.sh("docker images").stdout
    host.put("/etc/provisioner/provisioner.yaml", "image_store: {existing: hide}\n")
    assert agent(host, "apply").status == 0
    assert agent(host, "check").status == 0
    assert agent(host, "rollback").status == 0
    assert "keep" in host.sh("docker images").stdout


def test_a_restart_waits_for_somebody_else_s_container(boot: Boot) -> None:
    host = boot("trixie", layers=("qemu",), agent=True)
    host.put("/etc/provisioner/provisioner.yaml", "image_store: {existing: hide}\n")
    host.sh("tar c -C / -h lib64 usr/bin/sleep usr/lib/x86_64-linux-gnu/libc.so.6 | docker import - keep:1", check=True)
    host.sh(
        "docker run -d --name theirs -e LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu keep:1 /usr/bin/sleep 99", check=True
    )
    held = agent(host, "apply")
    assert held.status == 5, held.stderr
    assert "restarted while theirs is running" in held.document["left"][0]["blocked"][0]["message"]
    assert "theirs" in host.sh("docker ps").stdout


@pytest.mark.parametrize("buildx", [True, False], ids=["with buildx", "without buildx"])
def test_an_engine_too_old_for_the_store_gets_the_rest_and_is_told_so(boot: Boot, buildx: bool) -> None:
    host = boot("bookworm", layers=("qemu", "buildx") if buildx else ("qemu",), agent=True)
    since = started(host)
    done = agent(host, "apply")
    assert done.status == 5, done.stderr
    held = {c["resource"]: c["blocked"][0]["message"] for c in done.document["left"]}
    assert "20.10.24" in held["image store"]
    assert "has no containerd image store" in held["image store"]
    assert ("builder" in held) is not buildx  # Debian 12 has no package of it
    assert host.sh(f"cat {ENTRY}").stdout.startswith("enabled")
    assert started(host) == since
    if buildx:
        assert [r["runs"] for r in done.document["proof"]["platforms"]] == [True, True]
    assert agent(host, "apply").status == 5
    assert agent(host, "rollback").status == 0
    assert host.get("/etc/binfmt.d/zz-provisioner-arm64.conf") is None


def test_a_package_that_cannot_be_installed_costs_the_builder_alone(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.sh("dpkg --purge docker-buildx", check=True)
    since = started(host)
    done = agent(host, "apply")
    assert done.status == 5, done.stderr
    left = {c["resource"]: c["blocked"][0] for c in done.document["left"]}
    assert {name: why["code"] for name, why in left.items()} == {
        "image store": "builder-first",
        "builder": "not-installed",
    }
    assert "apt-get install" in left["builder"]["message"]
    assert started(host) == since
    assert host.sh(f"cat {ENTRY}").stdout.startswith("enabled")
    assert agent(host, "rollback").status == 0


def test_every_platform_with_a_probe_is_proven(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    wanted = "[amd64, arm64, arm/v7, riscv64, ppc64le, s390x, linux/386]"
    host.put("/etc/provisioner/provisioner.yaml", f"platforms: {wanted}\n")
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert {r["platform"]: r["runs"] for r in done.document["proof"]["platforms"]} == {
        f"linux/{p}": True for p in ("amd64", "arm64", "arm/v7", "riscv64", "ppc64le", "s390x", "386")
    }
    assert agent(host, "check").status == 0


def test_the_journal_tells_of_an_apply_and_of_its_undoing(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    assert agent(host, "apply").status == 0
    assert agent(host, "rollback").status == 0
    entries = host.sh("journalctl --sync; journalctl -t provisioner -o json", check=True).stdout.splitlines()
    told = [json.loads(entry) for entry in entries]
    assert [t["MESSAGE_ID"] for t in told] == [EVENTS["applied"].message_id, EVENTS["rolled back"].message_id]
    assert told[0]["PROVISIONER_RECEIPT"] == "1"


def test_without_systemd_python_one_line_says_so_and_all_else_works(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.sh("rm -r /usr/lib/python3/dist-packages/systemd", check=True)
    done = agent(host, "apply")
    assert done.status == 0
    assert done.stderr.count("systemd-python") == 1
