"""Bad input and bad luck: one sentence, a hint, the right status, and an untouched or restored host."""

import time

import pytest

from tests.conftest import Boot
from tests.helpers.booted import DAEMON_JSON, LAYERS, agent, differences, portrait, started, store
from tests.hosts import Host

pytestmark = pytest.mark.host
DROP_IN = "/etc/systemd/system/docker.service.d/no.conf"
RECEIPT = "/var/lib/provisioner/receipts/000001.jsonl"


def says(stderr: str) -> tuple[str, str]:
    """The sentence and the hint that an error ends with."""
    *_, sentence, hint = stderr.strip().splitlines()
    assert sentence.startswith("provisioner: "), stderr
    assert hint.startswith("  hint: "), stderr
    return sentence, hint


def refused(host: Host, status: int, words: str, hint: str, *args: str, user: str = "root") -> None:
    """The command is refused like this, and the host is as before."""
    answer = agent(host, *(args or ("apply",)), user=user)
    assert answer.status == status, answer.stderr
    sentence, said = says(answer.stderr)
    assert words in sentence
    assert hint in said
    assert host.get(RECEIPT) is None


def test_no_engine(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True, docker=False)
    for command in ("detect", "plan", "check", "apply", "prove"):
        refused(host, 69, "nothing listens on /var/run/docker.sock", "systemctl start docker", command)


def test_a_daemon_that_is_down(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    deaf = "import socket; socket.socket(1).bind('/run/docker.sock')"
    host.sh(f'systemctl stop docker.socket docker.service; rm -f /run/docker.sock; python3 -c "{deaf}"', check=True)
    refused(host, 69, "nothing listens on /var/run/docker.sock", "systemctl start docker")


def test_an_engine_on_another_machine_that_does_not_answer(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    ran = host.run("provisioner", "apply", env={"DOCKER_HOST": "tcp://127.0.0.1:2375"})
    assert ran.status == 69
    sentence, hint = says(ran.stderr)
    assert "tcp://127.0.0.1:2375: the engine does not answer (Connection refused)" in sentence
    assert "docker -H tcp://127.0.0.1:2375 version" in hint
    assert host.get(RECEIPT) is None


def test_an_engine_at_a_socket_that_is_not_docker_service_s(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.sh("ln -s docker.sock /run/other.sock", check=True)
    ran = host.run("provisioner", "apply", env={"DOCKER_HOST": "unix:///run/other.sock"})
    assert ran.status == 69
    assert "unix:///run/other.sock (DOCKER_HOST) is not this host's docker.service" in says(ran.stderr)[0]
    assert host.get(RECEIPT) is None


def blocked(host: Host, resource: str, message: str, hint: str) -> None:
    """An apply does all that it can, and says what one resource waits for."""
    answer = agent(host, "apply")
    assert answer.status == 5, answer.stderr
    [change] = [c for c in answer.document["left"] if c["resource"] == resource]
    said = {(b["message"], b["hint"]) for b in change["blocked"]}
    assert any(message in m and hint in h for m, h in said), said


def test_no_buildx_plug_in(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.sh("rm /usr/libexec/docker/cli-plugins/docker-buildx", check=True)
    blocked(host, "builder", "docker's buildx plug-in is not on this host", "docker-buildx is installed")
    assert "docker-buildx" in host.sh("dpkg --get-selections docker-buildx").stdout
    assert agent(host, "rollback").status == 0
    assert "docker-buildx\t" in host.sh("dpkg --get-selections docker-buildx").stdout.replace(" ", "\t")


def test_no_qemu_for_a_wanted_platform(boot: Boot) -> None:
    config = "emulators: {source: directory, directory: /opt/qemu}\n"
    host = boot("trixie", agent=True, files={"/etc/provisioner/provisioner.yaml": config})
    before = portrait(host)
    blocked(host, "emulators", "linux/arm64: there is no static qemu-aarch64 in /opt/qemu", "emulators.source")
    assert agent(host, "rollback").status == 0
    assert portrait(host) == before


def test_not_root(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    refused(host, 77, "only root can change this host", "sudo", "apply", user="nobody")
    refused(host, 77, "this user may not talk to the engine", "group docker", "check", user="nobody")


def test_a_wrong_configuration(boot: Boot) -> None:
    host = boot(
        "trixie", layers=LAYERS, agent=True, files={"/etc/provisioner/provisioner.yaml": "platfroms: [arm64]\n"}
    )
    for command in ("apply", "check", "plan"):
        refused(host, 78, "provisioner.yaml: platfroms: there is no such key", "did you mean platforms?", command)


def test_a_check_does_not_wait_for_the_lock(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.sh("mkdir -p /run/provisioner", check=True)
    holder = host.start("flock", "/run/provisioner/lock", "sleep", "60")
    host.wait("the lock", lambda: host.run("flock", "-n", "/run/provisioner/lock", "true").status != 0)
    assert agent(host, "check").status == 2
    assert agent(host, "apply").status == 75
    holder.kill()
    holder.communicate()


def test_an_image_that_cannot_be_pulled(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.sh("systemctl stop docker-registry", check=True)
    before = portrait(host)
    blocked(host, "builder", "no registry that the engine reaches has moby/buildkit", "a mirror")
    assert agent(host, "rollback").status == 0
    assert portrait(host) == before


def test_a_builder_that_does_not_boot(boot: Boot) -> None:
    config = "builder: {driver_options: {image: 'tonistiigi/binfmt:latest'}}\n"
    host = boot("trixie", layers=LAYERS, agent=True, files={"/etc/provisioner/provisioner.yaml": config})
    before = portrait(host)
    answer = agent(host, "apply")
    assert answer.status == 3, answer.stderr
    assert "inspect --bootstrap" in answer.stderr
    assert portrait(host) == before


@pytest.mark.parametrize("engine", ["trixie", "forky"])
def test_a_daemon_that_does_not_come_back(boot: Boot, engine: str) -> None:
    refusal = f"test ! -e {DAEMON_JSON} || {{ echo failed to start daemon: no; exit 1; }}"
    host = boot(engine, layers=LAYERS, agent=True, files={DROP_IN: f"[Service]\nExecStartPre=/bin/sh -c '{refusal}'\n"})
    before = portrait(host)
    answer = agent(host, "apply")
    assert answer.status == 3, answer.stderr
    assert "docker.service did not start: failed to start daemon: no" in answer.stderr
    assert "rolled back, the host is as it was" in answer.stderr
    assert portrait(host) == before
    assert host.sh("systemctl is-active docker.service docker.socket").stdout.split() == ["active", "active"]


def test_a_rollback_that_fails_says_what_is_left(boot: Boot) -> None:
    refusal = f"test ! -e {DAEMON_JSON} || touch /broken; test ! -e /broken"
    files = {DROP_IN: f"[Service]\nExecStartPre=/bin/sh -c '{refusal}'\n"}
    host = boot("trixie", layers=LAYERS, agent=True, files=files)
    answer = agent(host, "apply")
    assert answer.status == 4, answer.stderr
    assert "the rollback did not put everything back" in says(answer.stderr)[0]
    host.sh("rm /broken", check=True)
    assert agent(host, "rollback").status == 0
    assert "overlay2" in store(host)


def apply_until(host: Host, event: str, signal: str) -> int:
    """Start an apply, and send it a signal once its journal holds an event; its exit status."""
    running = host.start("provisioner", "apply")
    deadline = time.monotonic() + 60
    while event.encode() not in (host.get(RECEIPT) or b""):
        assert time.monotonic() < deadline
        assert running.poll() is None
    host.run("pkill", f"-{signal}", "-f", "provisione[r] apply", check=True)  # not its own command line
    said = running.communicate(timeout=120)[1].decode()
    assert signal != "TERM" or "interrupted by SIGTERM" in said
    return running.returncode


@pytest.mark.parametrize("event", ['"step": "SetLeaf"', '"event": "settle"', '"step": "Register"', "--bootstrap"])
def test_sigterm_in_the_middle_is_undone(boot: Boot, event: str) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    before = portrait(host)
    assert apply_until(host, event, "TERM") == 3
    assert portrait(host) == before
    assert agent(host, "apply").status == 0


@pytest.mark.parametrize("event", ['"step": "SetLeaf"', '"event": "settle"', "buildx", "--bootstrap"])
def test_what_a_kill_leaves_is_seen_and_undone_by_the_next_run(boot: Boot, event: str) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    before = portrait(host)
    apply_until(host, event, "KILL")
    checked = agent(host, "check")
    assert (checked.status, checked.document["interrupted"]) == (2, 1)
    host.sh("systemctl is-active --wait docker; while docker info 2>&1 | grep -q 'Cannot connect'; do sleep .1; done")
    undone = agent(host, "rollback")
    assert (undone.status, undone.document["undone"]) == (0, [1]), undone.stderr
    assert portrait(host) == before


def test_what_a_power_cut_leaves_is_undone_by_the_next_apply(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.mask("provisioner-recover", "provisioner-recovered")
    running = host.start("provisioner", "apply")
    host.wait("the restart", lambda: b'"event": "settle"' in (host.get(RECEIPT) or b""))
    host.cut()
    running.communicate(timeout=20)
    host.boot()
    assert agent(host, "check").document["interrupted"] == 1
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert "was cut off: undoing it first" in done.stderr
    assert agent(host, "rollback").status == 0
    assert "overlay2" in store(host)


CONFLICTS = {
    "a graph driver": ('{"storage-driver": "overlay2"}', "storage-driver is 'overlay2'"),
    "an explicit false": ('{"features": {"containerd-snapshotter": false}}', "is explicitly false"),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_conflict_in_daemon_json_is_held_and_the_rest_is_done(boot: Boot, name: str) -> None:
    text, words = CONFLICTS[name]
    host = boot("forky", layers=LAYERS, agent=True, files={DAEMON_JSON: text})
    since = started(host)
    done = agent(host, "apply")
    assert done.status == 5, done.stderr
    assert words in done.document["left"][0]["blocked"][0]["message"]
    assert host.get(DAEMON_JSON) == text.encode()
    assert started(host) == since
    assert differences(agent(host, "check")) <= {
        "image store: in effect",
        "image store: containerd-snapshotter in daemon.json",
    }


def test_a_daemon_json_that_dockerd_would_refuse_is_held(boot: Boot) -> None:
    host = boot("forky", layers=LAYERS, agent=True)
    host.put(DAEMON_JSON, '{"hosts": ["fd://"]}')
    held = agent(host, "apply")
    assert held.status == 5
    assert (
        "specified both as a flag and in the configuration file: hosts"
        in held.document["left"][0]["blocked"][0]["message"]
    )
    host.put(DAEMON_JSON, "{ half")
    assert "line 1, column 3" in agent(host, "apply").document["left"][0]["blocked"][0]["message"]
    assert host.get(DAEMON_JSON) == b"{ half"
