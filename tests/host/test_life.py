"""What leaves the configuration leaves the host, or is kept and said; and what is ours is known without the history."""

import json
from typing import Any

import pytest

from tests.conftest import Boot
from tests.helpers.booted import agent, differences, portrait, started, steps, store
from tests.hosts import Host

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]
CONFIG = "/etc/provisioner/provisioner.yaml"
RECORD = "/etc/provisioner/made.json"
VERSIONS = "/usr/local/lib/provisioner/qemu"
OLD, NEW = "tonistiigi/binfmt:qemu-v10.0.4", "tonistiigi/binfmt:qemu-v10.2.3-68"
BEFORE: dict[str, Any] = {
    "platforms": ["amd64", "arm64", "s390x"],
    "emulators": {"source": "image", "image": OLD},
    "builder": {"name": "old", "users": ["root", "dev"]},
    "daemon": {"log-level": "warn"},
    "image_store": {"existing": "hide"},
}
AFTER: dict[str, Any] = {
    **BEFORE,
    "platforms": ["amd64", "arm64"],
    "emulators": {"source": "image", "image": NEW},
    "builder": {"name": "new", "users": ["root"]},
    "daemon": {},
}
CACHE = "buildx_buildkit_old0_state"
GONE = {"emulators: linux/s390x", "emulators: QEMU qemu-v10.0.4", "builder: former builder old", "daemon: log-level"}


def configure(host: Host, config: dict[str, Any], **more: Any) -> None:
    host.put(CONFIG, json.dumps({**config, **more}))


def builders(host: Host, user: str) -> set[str]:
    return set(host.run("docker", "buildx", "ls", "--format", "{{.Builder.Name}}", user=user).stdout.split())


def entries(host: Host) -> set[str]:
    return {name for name in host.sh("ls /proc/sys/fs/binfmt_misc").stdout.split() if name.startswith("qemu-")}


def host_with_a_user(boot: Boot) -> Host:
    host = boot("trixie", layers=("newer-binfmt",), agent=True, binfmt=True)
    host.sh("useradd --create-home --groups docker dev; useradd --create-home --groups docker guest", check=True)
    return host


def test_what_leaves_the_configuration_leaves_the_host_and_comes_back_with_a_rollback(boot: Boot) -> None:
    host = host_with_a_user(boot)
    before = portrait(host)
    configure(host, BEFORE)
    first = agent(host, "apply")
    assert first.status == 0, first.stderr
    assert host.sh(f"docker volume inspect {CACHE} --format '{{{{json .Labels}}}}'").stdout.strip() == (
        '{"io.provisioner.builder":"old"}'
    )

    configure(host, AFTER, keep=["platforms", "qemu", "settings", "builders", "users", "nodes"])
    kept = agent(host, "check")
    assert not differences(kept) & GONE
    plan = agent(host, "plan").document
    assert any("linux/s390x (keep: platforms)" in note for note in plan["notes"]), plan["notes"]
    assert any("former builder old (keep: builders)" in note for note in plan["notes"]), plan["notes"]
    assert any("log-level (keep: settings)" in note for note in plan["notes"]), plan["notes"]

    configure(host, AFTER)
    seen = agent(host, "check")
    assert (seen.status, differences(seen) & GONE) == (2, GONE)
    plan = agent(host, "plan").document
    told = [step["does"] for change in plan["changes"] for step in change["steps"]]
    assert "run docker buildx rm --force --keep-daemon old as dev" in told
    assert f"remove the copied programs in {VERSIONS}/qemu-v10.0.4" in told
    notes = [note for change in plan["changes"] for note in change["notes"]]
    assert any(f"the cache {CACHE} (" in note and "--delete-caches" in note for note in notes), notes
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert steps(agent(host, "apply")) == []
    assert agent(host, "check").status == 0
    assert entries(host) == {"qemu-aarch64"}
    assert host.sh(f"ls {VERSIONS}").stdout.split() == ["qemu-v10.2.3-68"]
    assert (builders(host, "root"), builders(host, "dev")) == ({"default", "new"}, {"default"})
    assert host.sh("docker ps -a --format '{{.Names}}'").stdout.split() == ["buildx_buildkit_new0"]
    [cache] = [left for left in agent(host, "plan").document["left_over"] if left["name"] == CACHE]
    assert cache["ours"]
    assert cache["bytes"] > 0

    undone = agent(host, "rollback")
    assert undone.status == 0, undone.stderr
    configure(host, BEFORE)
    assert agent(host, "check").status == 0, differences(agent(host, "check"))
    assert builders(host, "dev") == {"default", "old"}

    configure(host, AFTER)
    assert agent(host, "apply").status == 0
    assert agent(host, "apply", "--delete-caches").status == 0
    assert host.sh("docker volume ls -q").stdout.split() == ["buildx_buildkit_new0_state"]

    configure(host, {**AFTER, "builder": {"name": "new", "users": ["root", "dev"]}})
    assert agent(host, "apply").status == 0
    configure(host, AFTER)
    assert differences(agent(host, "check")) == {"builder: dev: registered"}
    assert agent(host, "apply").status == 0
    assert builders(host, "dev") == {"default"}

    # without the history: the keys, the files and the builder are still known, and a former builder is no obstacle
    configure(host, BEFORE)
    assert agent(host, "apply").status == 0
    host.sh("rm -rf /var/lib/provisioner", check=True)
    assert agent(host, "check").status == 0
    configure(host, AFTER, restart="if-idle")
    lost = agent(host, "check")
    assert differences(lost) & GONE == GONE
    assert agent(host, "apply").status == 0
    assert "log-level" not in (host.get("/etc/docker/daemon.json") or b"").decode()
    host.sh(f"rm -rf /var/lib/provisioner; mv {RECORD} /made.json", check=True)
    named = {thing["does"] for thing in agent(host, "remove", "--plan").document["things"]}
    assert "run docker volume rm --force buildx_buildkit_new0_state" in named
    host.sh(f"mv /made.json {RECORD}", check=True)
    since = started(host)
    removed = agent(host, "remove")
    assert removed.status == 0, removed.stderr
    assert started(host) != since
    assert portrait(host) == {**before, "daemon.json": None}
    assert host.sh("docker volume ls -q; docker ps -aq").stdout == ""
    assert agent(host, "remove").document["things"] == []
    assert host.get(RECORD) is None


def test_a_member_of_the_group_docker_checks_and_proves(boot: Boot) -> None:
    host = host_with_a_user(boot)
    configure(host, {"emulators": {"source": "image", "image": OLD}, "builder": {"users": ["root", "dev"]}})
    assert agent(host, "apply").status == 0
    proven = agent(host, "prove", user="dev")
    assert proven.status == 0, proven.stderr
    assert [row["runs"] for row in proven.document["platforms"]] == [True, True]
    assert host.sh("docker images -q provisioner-proof; docker ps -aq --filter label=io.provisioner.proof").stdout == ""
    told = host.run("provisioner", "check", user="dev")
    assert (told.status, len(told.stdout.splitlines())) == (1, 1), told.stdout
    assert "root" in told.stdout
    busy = host.start("flock", "/run/provisioner/lock", "sleep", "20")
    host.wait("the lock", lambda: agent(host, "prove", user="dev").status == 75)
    busy.kill()
    busy.communicate()
    without = agent(host, "prove", user="guest")
    assert without.status == 1, without.stderr
    host.sh("useradd --create-home stranger", check=True)
    assert agent(host, "prove", user="stranger").status == 77
    assert "containerd" in store(host)
