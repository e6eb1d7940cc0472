"""Random lives of a real host, act by act. After each act Docker answers, and nothing of anybody else's is lost.

An apply converges, a second one changes nothing, and check agrees with plan. At the end, remove leaves the host as it
was before us. A failure names the seed and the acts; PROVISIONER_SEED and PROVISIONER_ACTS repeat or lengthen a walk.
"""

import json
import os
import random
import time
from collections import Counter
from typing import Any

import pytest

from tests.conftest import Boot
from tests.helpers.booted import BUILDER, DAEMON_JSON, ENTRY, LAYERS, Answer, agent, differences
from tests.hosts import Host

pytestmark = [pytest.mark.host, pytest.mark.timeout(3600)]
SEED = int(os.environ.get("PROVISIONER_SEED", "1"))
ACTS = int(os.environ.get("PROVISIONER_ACTS", "20"))
CONFIG = "/etc/provisioner/provisioner.yaml"
RULE = ":theirs:M::MZ::/usr/bin/true:"
PREPARE = """\
useradd --create-home --groups docker dev
docker volume create theirs
mkdir -p /etc/binfmt.d
echo '{rule}' | tee /etc/binfmt.d/theirs.conf >/proc/sys/fs/binfmt_misc/register
tar c -C / -h lib64 usr/bin/sleep usr/lib/x86_64-linux-gnu/libc.so.6 | docker import - theirs:1
"""
AGENT = "[p]rovisioner apply"  # a pattern that does not match the command that looks for it
RESTART = "systemctl reset-failed docker; systemctl restart docker"  # three starts a minute are the unit's limit
RUN = "docker run -d --name theirs -e LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu theirs:1 /usr/bin/sleep 9999"
# Each act with its weight.
WEIGHTS = {
    "configure": 30,
    "apply": 10,
    "rollback": 8,
    "remove": 4,
    "flush": 6,
    "no_container": 6,
    "no_instance": 4,
    "edit": 8,
    "container": 5,
    "no_key": 5,
    "reboot": 3,
    "cut": 3,
    "stopped": 3,
    "lost": 3,
    "hold": 3,
    "killed": 5,
}


class Walk:
    """One host, what is somebody else's on it, and the acts."""

    def __init__(self, host: Host, seed: int) -> None:
        self.host, self.random = host, random.Random(seed)  # noqa: S311
        self.theirs: dict[str, Any] = {"shutdown-timeout": 5}
        self.config: dict[str, Any] = {}
        self.done: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        host.put(DAEMON_JSON, json.dumps(self.theirs))
        host.sh(f"set -e; systemctl restart docker; {PREPARE.format(rule=RULE)}", check=True)
        self.before = self.look()

    def look(self) -> dict[str, Any]:
        """Everything that removal has to give back, without what somebody else has changed meanwhile."""
        sh = self.host.sh
        return {
            "store": sh("docker info --format '{{.Driver}}' 2>/dev/null", check=True).stdout,
            "entries": sh("ls /proc/sys/fs/binfmt_misc /etc/binfmt.d", check=True).stdout,
            "programs": sh("find /usr/local/lib/provisioner/qemu -type f").stdout,
            "builders": [sh("docker buildx ls --format '{{.Builder.Name}}'", user=u).stdout for u in ("root", "dev")],
            "volumes": sh("docker volume ls -q", check=True).stdout,
        }

    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.host.get(DAEMON_JSON) or b"{}")
        return found

    def step(self, name: str) -> None:
        self.done[name] += 1
        getattr(self, name)()
        assert self.host.run("docker", "info").status == 0, "Docker does not answer"
        found = self.settings()
        assert {k: found.get(k) for k in self.theirs} == self.theirs, "a key of somebody else's is lost"
        assert "theirs" in self.host.sh("docker volume ls -q").stdout.split()
        assert "theirs" in self.host.sh("ls /proc/sys/fs/binfmt_misc").stdout.split()

    def applied(self, *args: str) -> Answer:
        """Apply. It may be blocked; a second apply changes nothing, and check says what plan says."""
        first = agent(self.host, "apply", *args)
        self.statuses[first.status] += 1
        assert first.status in (0, 5), first.stderr
        second = agent(self.host, "apply")
        assert (second.status, second.document["changed"]) == (first.status, False), second.document
        checked, planned = agent(self.host, "check"), agent(self.host, "plan")
        rows = {f"{c['resource']}: {d['key']}" for c in planned.document["changes"] for d in c["differences"]}
        assert differences(checked) == rows
        assert (checked.status == 0) == (planned.status == 0) == (first.status == 0)
        return first

    # Acts of ours

    def configure(self) -> None:
        choose = self.random.choice
        self.config = {
            "platforms": ["amd64", *self.random.sample(("arm64", "s390x", "riscv64"), choose((1, 1, 2)))],
            "builder": {"name": choose(("container-builder", "other")), "users": choose((["root"], ["root", "dev"]))},
            "image_store": {"existing": choose(("hide", "hide", "refuse"))},
            "daemon": choose(({}, {"log-level": "warn"}, {"debug": True}, {"log-level": "info", "debug": True})),
            "restart": choose(("always", "if-idle", "never")),
            "keep": choose(([], [], ["platforms"], ["builders"], ["settings"])),
        }
        self.host.put(CONFIG, json.dumps(self.config))
        self.applied()

    def apply(self) -> None:
        self.applied("--restart", "always")

    def rollback(self) -> None:
        undone = agent(self.host, "rollback")
        assert undone.status in (0, 1), undone.stderr  # 1: nothing is left to undo
        self.applied()

    def remove(self) -> None:
        removed = agent(self.host, "remove")
        assert removed.status == 0, removed.stderr
        assert self.look() == self.before
        assert self.settings() == self.theirs
        assert agent(self.host, "remove").document["things"] == []
        self.applied()

    def hold(self) -> None:
        assert agent(self.host, "hold", "--reason", "a walk", "--until", "1h").status == 0
        assert agent(self.host, "apply").status == 75
        assert agent(self.host, "release").status == 0
        self.applied()

    def killed(self) -> None:
        self.host.sh(f"echo -1 >{ENTRY}; docker rm -f {BUILDER}")
        running = self.host.start("provisioner", "apply", "--restart", "always")
        time.sleep(self.random.uniform(0.1, 2))
        self.host.sh(f"pkill -KILL -f '{AGENT}'; while pgrep -f '{AGENT}' >/dev/null; do sleep 0.1; done")
        running.communicate()
        self.host.sh("systemctl reset-failed docker; systemctl start docker", check=True)
        self.applied("--restart", "always")  # to undo what was cut off may take a restart

    # Acts of others

    def flush(self) -> None:
        self.host.sh(f"echo -1 >{ENTRY}")
        self.applied()

    def no_container(self) -> None:
        self.host.sh("docker rm -f $(docker ps -aq --filter name=buildx_buildkit_)")
        self.applied()

    def no_instance(self) -> None:
        self.host.sh("rm -f /root/.docker/buildx/instances/*")
        self.applied()

    def edit(self) -> None:
        self.theirs["shutdown-timeout"] = self.random.randrange(3, 30)
        self.host.put(DAEMON_JSON, json.dumps({**self.settings(), **self.theirs}))
        self.host.sh(RESTART, check=True)
        self.applied()

    def no_key(self) -> None:
        kept = {k: v for k, v in self.settings().items() if k in self.theirs}
        self.host.put(DAEMON_JSON, json.dumps(kept))
        self.host.sh(RESTART, check=True)
        self.applied("--restart", "always")

    def container(self) -> None:
        started = self.host.sh(RUN).status == 0
        self.applied()
        if started:
            self.host.sh("docker rm -f theirs")

    def reboot(self) -> None:
        self.host.reboot()
        self.applied()

    def cut(self) -> None:
        self.host.cut()
        self.host.boot()
        self.applied()

    def stopped(self) -> None:
        self.host.sh("systemctl stop docker.socket docker", check=True)
        assert agent(self.host, "apply").status == 69
        self.host.sh("systemctl reset-failed docker; systemctl start docker", check=True)
        self.applied()

    def lost(self) -> None:
        self.host.sh("rm -rf /var/lib/provisioner", check=True)
        self.applied()


def walk(boot: Boot, engine: str, seed: int, acts: int) -> None:
    taken: list[str] = []
    found = Walk(boot(engine, layers=LAYERS, agent=True, binfmt=True), seed)
    began = time.monotonic()
    try:
        for name in ("configure", *found.random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=acts - 2), "remove"):
            taken.append(name)
            found.step(name)
    except BaseException as e:
        e.add_note(f"seed {seed} on {engine}, after {len(taken)} acts: {' '.join(taken)}; {found.config}")
        raise
    seconds = time.monotonic() - began
    print(f"{engine}, seed {seed}: {len(taken)} acts in {seconds:.0f} s; {dict(found.done)}; {dict(found.statuses)}")


def test_a_short_walk_keeps_its_promises(boot: Boot) -> None:
    walk(boot, "trixie", SEED, ACTS)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("engine", "seed", "acts"), [("trixie", 11, 50), ("forky", 12, 200), ("trixie", 13, 50), ("forky", 14, 50)]
)
def test_long_walks_keep_their_promises(boot: Boot, engine: str, seed: int, acts: int) -> None:
    walk(boot, engine, seed, acts)
