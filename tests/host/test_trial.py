"""A switched store is tried before it counts: an engine that came up with one that runs nothing is taken back."""

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent, portrait, store
from tests.host.test_crash import KILLED, RECEIPTS, SETTLED

pytestmark = pytest.mark.host
# 24 to 28 take overlayfs without asking containerd whether it has that.
WITHOUT = 'version = 2\ndisabled_plugins = ["io.containerd.snapshotter.v1.overlayfs"]\n'
ONLY = ("--only=image-store",)
LEFT = "docker ps -aq --filter label=io.provisioner.proof; docker images -q provisioner-proof"


def test_a_store_that_runs_nothing_is_taken_back_and_one_that_works_is_kept(boot: Boot) -> None:
    host = boot(
        "forky", layers=LAYERS, agent=True, files={"/etc/provisioner/provisioner.yaml": "daemon: {log-driver: none}"}
    )
    plain = host.get("/etc/containerd/config.toml") or b""
    before = portrait(host)
    host.put("/etc/containerd/config.toml", WITHOUT)
    host.sh("systemctl restart containerd", check=True)
    [held] = {h["message"] for c in agent(host, "plan", *ONLY).document["changes"] for h in c["blocked"]}
    assert held.startswith("the containerd store takes 'overlayfs', which containerd has not loaded (")
    host.sh("mv /usr/bin/ctr /usr/bin/ctr.real", check=True)  # then nobody can say before
    failed = agent(host, "apply", *ONLY)
    assert failed.status == 3, failed.stderr
    assert "the engine came up, but runs nothing in containerd's store" in failed.stderr
    assert "overlayfs" in failed.stderr
    assert portrait(host) == before

    host.sh("mv /usr/bin/ctr.real /usr/bin/ctr", check=True)
    host.put("/etc/containerd/config.toml", plain)
    host.sh("systemctl restart containerd", check=True)
    running = host.start("provisioner", "apply", *ONLY)
    host.sh(KILLED, f"grep -q TryStore {RECEIPTS}/000002.jsonl", check=True)
    running.communicate()
    host.sh(SETTLED, check=True)
    done = agent(host, "apply", "--only=image-store", "--only=daemon")
    assert done.status == 0, done.stderr
    assert "cut off" in done.stderr
    assert "image store: run an image of our own in the store" in done.stderr
    assert "io.containerd.snapshotter.v1" in store(host)
    assert host.sh(LEFT, check=True).stdout == ""
    assert agent(host, "rollback").status == 0
    assert portrait(host) == before
