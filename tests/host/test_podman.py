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


OWN = "/run/user/1000/podman/podman.sock"
OF_USER = {**FILES, "/etc/provisioner/provisioner.yaml": f"engine: unix://{OWN}\n"}
OF_USER.pop("/etc/containers/storage.conf")  # a user's storage is below /home anyway
OF_USER["/etc/resolv.conf"] = ""  # rootless containers get a copy of it


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


def test_a_user_s_own_podman_is_provisioned_by_that_user(boot: Boot) -> None:
    host = boot("trixie", layers=(parts.podman(), *parts.rootless(), *LAYERS), agent=True, docker=False, files=OF_USER)
    host.sh("useradd --create-home dev; echo dev:10000:50000 | tee /etc/subuid >/etc/subgid", check=True)
    host.sh("chmod 666 /dev/net/tun; loginctl enable-linger dev", check=True)
    host.wait("dev's session", lambda: host.sh("test -S /run/user/1000/bus").status == 0)
    host.run("systemctl", "--user", "enable", "--now", "podman.socket", user="dev", check=True)
    told = agent(host, "detect", user="dev").document["engine"]
    assert told["title"] == "Podman, rootless"

    refused = agent(host, "apply", user="dev")
    assert refused.status == 1
    assert "emulators are the machine's own, for root to register" in refused.stderr
    root = agent(host, "check")
    assert root.status == 77
    assert "belongs to a user, and root does not provision it" in root.stderr
    assert agent(host, "apply", "--only=emulators").status == 0

    applied = agent(host, "apply", user="dev")
    assert applied.status == 0, applied.stderr
    assert [row["runs"] for row in applied.document["proof"]["platforms"]] == [True, True]
    checked = agent(host, "check", user="dev")
    assert checked.status == 0, checked.document
    undone = agent(host, "rollback", user="dev")
    assert undone.status == 0, undone.stderr
    assert host.run("podman", "ps", "--all", "--quiet", user="dev", check=True).stdout == ""
