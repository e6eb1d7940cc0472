"""Podman as Debian ships it: docker's command line and buildx speak to its socket, and the builder runs there."""

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent, differences
from tests.hosts import Host, parts

pytestmark = pytest.mark.host
SOCKET = "unix:///run/podman/podman.sock"
FILES = {
    # Its own storage cannot lie on the overlay that a host is.
    "/etc/containers/storage.conf": (
        '[storage]\ndriver = "overlay"\nrunroot = "/run/containers/storage"\ngraphroot = "/home/.containers"\n'
    ),
    "/etc/containers/containers.conf.d/hosts.conf": "[containers]\npids_limit = 0\n",  # no cgroup controllers here
    "/etc/containers/registries.conf.d/hosts.conf": (
        '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n'
        '[[registry.mirror]]\nlocation = "127.0.0.1:5000"\ninsecure = true\n'
    ),
    "/etc/provisioner/provisioner.yaml": f"engine: {SOCKET}\n",
}


def podman(boot: Boot) -> Host:
    host = boot("trixie", layers=(parts.podman(), *LAYERS), agent=True, docker=False, files=FILES)
    host.run("systemctl", "start", "podman.socket", check=True)
    return host


def test_podman_gets_emulators_and_a_builder_and_nothing_else(boot: Boot) -> None:
    host = podman(boot)
    found = agent(host, "detect").document
    assert "Podman" in str(found)
    assert {d.partition(":")[0] for d in differences(agent(host, "check"))} == {"emulators", "builder"}
    applied = agent(host, "apply")
    assert applied.status == 0, applied.stderr
    checked = agent(host, "check")
    assert checked.status == 0, checked.document
    assert agent(host, "rollback").status == 0
    assert host.run("podman", "ps", "--all", "--quiet", check=True).stdout == ""
    assert host.get("/etc/containers/storage.conf") == FILES["/etc/containers/storage.conf"].encode()
