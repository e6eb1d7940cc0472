"""What happens to a builder behind our back, made for real: named, mended by the smallest act, the cache kept."""

import json
from typing import NamedTuple

import pytest

from provisioner.host import plugins
from tests.conftest import Boot
from tests.helpers.booted import DAEMON_JSON, LAYERS, agent, differences, steps
from tests.helpers.builders import CONFIG, CONTAINER, INSTANCE, SOCKET, START, build, checked, configure, prepare
from tests.hosts import Host

pytestmark = pytest.mark.host
BOOT = "run docker buildx inspect --bootstrap container-builder"
IMAGE = "moby/buildkit:buildx-stable-1"
STORE = '{"features": {"containerd-snapshotter": true}}'
USE = "run docker buildx use --default container-builder"
PLUGIN = "/usr/libexec/docker/cli-plugins/docker-buildx"


EDITED = '"Platforms":[{"os":"linux","architecture":"s390x"}]'


class Trap(NamedTuple):
    """What somebody does, what check names then, and a step that mends it."""

    script: str
    named: set[str]
    step: str


TRAPS = {
    "the container removed": Trap(f"docker rm -f {CONTAINER}", {"container"}, BOOT),
    "the container stopped": Trap(f"docker stop {CONTAINER}", {"container"}, BOOT),
    "the container paused": Trap(f"docker pause {CONTAINER}", {"container"}, "run docker container unpause"),
    "the container from another image": Trap(
        f"docker rm -f {CONTAINER}; docker run -d --name {CONTAINER} --privileged --restart unless-stopped"
        f" -v {CONTAINER}_state:/var/lib/buildkit -e EXTRA=1 moby/buildkit:v0.34.2",
        {
            *("container image", "container command", "container environment not asked for"),
            "container buildkitd.toml",
        },
        BOOT,
    ),
    "the image's tag moved": Trap(
        "tar c --files-from /dev/null | docker import - moby/buildkit:buildx-stable-1",
        {"container image digest"},
        BOOT,
    ),
    "the restart policy": Trap(
        f"docker update --restart no {CONTAINER}",
        {"container restart policy"},
        f"run docker container update --restart unless-stopped {CONTAINER}",
    ),
    "the instance file deleted": Trap(f"rm {INSTANCE}", {"registered"}, "run docker buildx create --name"),
    "the instance file edited": Trap(
        f"""sed -i 's/"DriverOpts":{{/&"env.X":"1",/; s/"Platforms":null/{EDITED}/' {INSTANCE}""",
        {"driver options not asked for", "platforms"},
        "run docker buildx rm --force --keep-daemon",
    ),
    "the instance file broken": Trap(f"echo '{{' > {INSTANCE}", {"registered"}, f"remove {INSTANCE}"),
    "the instance file empty": Trap(f": > {INSTANCE}", {"registered"}, f"remove {INSTANCE}"),
    "the default lost": Trap(
        "rm -r /root/.docker/buildx/defaults",
        {"default of the endpoint", "default of every other way to this engine"},
        USE,
    ),
    "a choice of what is gone": Trap(
        "docker buildx create --name gone --use; rm /root/.docker/buildx/instances/gone",
        {"selected", "default of the endpoint"},
        USE,
    ),
}


def test_each_trap_is_named_and_mended_and_the_cache_is_hit(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    configure(host)
    prepare(host)
    assert agent(host, "apply").status == 0
    assert build(host, 0) == (False, [0])
    for number, (name, trap) in enumerate(TRAPS.items(), 1):
        host.sh(trap.script, check=True)
        assert differences(agent(host, "check")) == {f"builder: {key}" for key in trap.named}, name
        done = agent(host, "apply")
        assert done.status == 0, f"{name}: {done.stderr}"
        assert any(s.startswith(trap.step) for s in steps(done)), (name, steps(done))
        assert agent(host, "check").status == 0, name
        assert build(host, number) == (True, list(range(number + 1))), name
    kept = host.sh("docker ps -a --filter name=-before- --format '{{.State}}'", check=True).stdout
    assert kept.split() == ["exited", "exited"]  # only what buildx's file would not have made


def test_a_rollback_gives_back_the_very_container_that_somebody_made(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    configure(host)
    prepare(host)
    assert agent(host, "apply").status == 0
    assert build(host, 0) == (False, [0])
    for name in ("the container from another image", "the image's tag moved"):
        host.sh(TRAPS[name].script, check=True)
        before, named = identity(host), differences(agent(host, "check"))
        tag = host.sh("docker image inspect --format '{{.Id}}' moby/buildkit:buildx-stable-1", check=True).stdout
        done = agent(host, "apply")
        assert done.status == 0, done.stderr
        assert identity(host) != before
        undone = agent(host, "rollback")
        assert undone.status == 0, undone.stderr
        assert (identity(host), differences(agent(host, "check"))) == (before, named)
        assert "before" not in host.sh("docker ps -a; docker images", check=True).stdout
        assert tag == host.sh("docker image inspect --format '{{.Id}}' moby/buildkit:buildx-stable-1").stdout
    assert agent(host, "apply").status == 0
    assert build(host, 1) == (True, [0, 1])


def test_a_user_s_own_choice_is_noted_and_changed_only_when_told_to(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    configure(host)
    assert agent(host, "apply").status == 0
    host.sh("docker buildx create --name mine --use", check=True)
    checked = agent(host, "check")
    assert (checked.status, differences(checked)) == (0, set())
    assert checked.document["notes"] == ["root builds with mine, by choice: `select: always` would change that back"]
    configure(host, select="always")
    assert differences(agent(host, "check")) == {"builder: selected", "builder: default of the endpoint"}
    assert agent(host, "apply").status == 0
    assert host.sh("docker buildx inspect | head -1").stdout.split() == ["Name:", "container-builder"]


def test_a_default_that_buildx_would_take_is_named(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.put("/root/.docker/buildx/buildkitd.default.toml", "debug = true\n")
    configure(host, gc="default")
    held = agent(host, "plan", "--only=builder").document["changes"][0]["blocked"]
    assert {h["message"] for h in held} == {
        "buildx would take /root/.docker/buildx/buildkitd.default.toml, and no buildkitd.toml is configured"
    }
    configure(host)
    assert agent(host, "apply").status == 0


def identity(host: Host) -> str:
    return host.sh(f"docker inspect --format '{{{{.Id}}}} {{{{.State.Status}}}}' {CONTAINER}", check=True).stdout


def test_a_new_container_that_does_not_boot_is_put_back_to_the_old_one(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    configure(host)
    prepare(host)
    assert agent(host, "apply").status == 0
    assert build(host, 0) == (False, [0])
    before, instance = identity(host), host.get(INSTANCE)
    configure(host, driver_options={"image": "tonistiigi/binfmt:latest"})
    failed = agent(host, "apply")
    assert failed.status == 3, failed.stderr
    assert "rolled back, the host is as it was" in failed.stderr
    assert (identity(host), host.get(INSTANCE)) == (before, instance)
    assert build(host, 1) == (True, [0, 1])


SLEEPS = ("pgrep", "--full", "--exact", "sleep 611")  # the RUN, which goes on when its sleep is ended


def test_a_container_is_not_made_again_while_a_build_runs_on_it(boot: Boot) -> None:
    host = boot("29", layers=LAYERS, agent=True)
    configure(host)
    prepare(host)
    assert agent(host, "apply").status == 0
    host.put("/slow/Dockerfile", "FROM scratch\nCOPY sh /bin/sh\nCOPY sh /bin/sleep\nRUN sleep 611 || :\n")
    host.sh("cp /b/sh /slow/sh", check=True)
    running = host.start("docker", "buildx", "build", "/slow")
    host.wait("the build", lambda: host.run(*SLEEPS).status == 0)
    before = identity(host)
    configure(host, flags=["--debug"])
    held = agent(host, "apply")
    assert held.status == 5, held.stderr
    assert {h["message"] for c in held.document["left"] for h in c["blocked"]} == {"a build runs on the builder"}
    refused = agent(host, "remove")
    assert (refused.status, f"a build runs in {CONTAINER}" in refused.stderr) == (1, True)
    assert identity(host) == before
    host.run("pkill", *SLEEPS[1:], check=True)
    running.communicate(timeout=60)
    assert running.returncode == 0
    assert agent(host, "apply").status == 0
    assert identity(host) != before


def test_the_cache_outlives_a_switch_of_the_image_store(boot: Boot) -> None:
    host = boot("forky", layers=LAYERS, agent=True)
    host.put("/etc/provisioner/provisioner.yaml", json.dumps({"image_store": {"backend": "unmanaged"}}))
    prepare(host)
    assert agent(host, "apply").status == 0
    assert build(host, 0) == (False, [0])
    configure(host)
    assert agent(host, "apply").status == 0
    assert agent(host, "check").status == 0
    assert build(host, 1) == (True, [0, 1])


def test_a_check_waits_for_no_dead_node(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    configure(host)
    assert agent(host, "apply").status == 0
    configure(host, nodes=[{"endpoint": "ssh://nobody@192.0.2.1", "platforms": ["linux/s390x"]}])
    assert differences(agent(host, "check")) == {"builder: node container-builder1"}
    asked = {" ".join(("/usr/bin/docker", *plugins.LISTED)), f"{PLUGIN} buildx version"}
    assert checked(host) == (2, {SOCKET, *asked})  # `buildx ls` waits 20 s for such a node


def test_what_is_left_over_is_listed_with_its_size_and_only_ours_is_removed(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    configure(host)
    assert agent(host, "apply").status == 0
    configure(host, name="second")
    assert agent(host, "apply").status == 0
    host.sh("docker buildx create --name theirs; docker buildx inspect --bootstrap theirs", check=True)
    host.sh("docker rm -f buildx_buildkit_theirs0; docker buildx rm --force theirs", check=True)
    host.put(CONFIG, json.dumps({**START, "builder": {"name": "third"}, "keep": ["builders"]}))
    assert agent(host, "apply").status == 0
    host.sh("docker rm -f buildx_buildkit_second0; docker buildx create --name alive", check=True)
    host.sh(TRAPS["the container from another image"].script.replace("container-builder", "third"), check=True)
    assert agent(host, "apply").status == 0
    planned = agent(host, "plan")
    assert planned.status == 0, planned.stderr
    left = {e["name"].partition("-before-")[0]: (e["why"], e["ours"]) for e in planned.document["left_over"]}
    assert left == {
        "second": ("a builder whose container is gone, registered for root", True),
        "buildx_buildkit_third0": ("kept so that a rollback can give buildx_buildkit_third0 back", True),
        f"{CONTAINER}_state": ("a cache that no builder uses; `provisioner apply --delete-caches` deletes it", True),
        "buildx_buildkit_theirs0_state": ("a cache that no builder uses", False),
    }
    assert all(e["bytes"] > 0 for e in planned.document["left_over"] if "-before-" not in e["name"])
    assert len(agent(host, "detect").document["left_over"]) == 4
    configure(host, name="second")
    assert "third: a builder that is no longer configured" in host.run("provisioner", "plan").stdout
    removed = agent(host, "remove")
    assert removed.status == 0, removed.stderr
    assert removed.document["undone"] == [4, 3, 2, 1]
    volumes = host.sh("docker volume ls --format '{{.Name}}'", check=True).stdout.split()
    assert volumes == ["buildx_buildkit_theirs0_state"]
    assert host.get(INSTANCE) is None
    assert host.sh("ls /root/.docker/buildx/instances; docker ps -aq", check=True).stdout.split() == ["alive"]
    assert agent(host, "remove").document["left_over"] == []


# A power cut takes what containerd had unpacked and not synced; its records say that it is there.
TORN = "find /var/lib/containerd -name buildkitd -type f -exec truncate --size=0 {} +"


def test_an_image_that_a_power_cut_has_torn_is_pulled_again(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True, files={DAEMON_JSON: STORE})
    host.sh(f"docker pull {IMAGE} && {TORN}", check=True)
    applied = agent(host, "apply")
    assert applied.status == 0, applied.stderr
    assert "the image is broken, so it is pulled again" in applied.stderr
    assert agent(host, "check").status == 0
