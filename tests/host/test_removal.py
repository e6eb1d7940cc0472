"""``remove`` ends well whatever has become of Docker and of what provisioner made, and nothing of ours stays."""

import json

import pytest

from provisioner.runs.undo import DO
from tests.conftest import Boot
from tests.helpers.booted import BUILDER, DAEMON_JSON, ENTRY, LAYERS, agent, portrait
from tests.hosts import Host

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]
CONFIG = "/etc/provisioner/provisioner.yaml"
WANTED = {
    "platforms": ["amd64", "arm64"],
    "emulators": {"source": "image"},
    "image_store": {"existing": "hide"},
    "daemon": {"log-level": "warn"},
    "builder": {"users": ["root", "dev"]},
}
OURS = "/etc/binfmt.d /usr/local/lib/provisioner/qemu /var/lib/provisioner/receipts /etc/provisioner/made.json"
HALF = {
    "files and entries": f"rm -r /etc/binfmt.d/zz-* /usr/local/lib/provisioner/qemu; echo -1 >{ENTRY}",
    "container and cache": f"docker rm -f {BUILDER}; docker volume rm {BUILDER}_state",
    "a user's registration": "rm /root/.docker/buildx/instances/* /root/.docker/buildx/current",
    "the settings": f"rm {DAEMON_JSON}; systemctl reset-failed docker; systemctl restart docker",
    "the history": "rm -r /var/lib/provisioner",
}
PURGE = (
    "systemctl stop docker.socket docker containerd; "
    "dpkg --purge --force-all docker.io docker-cli docker-buildx containerd; ! command -v docker"
)


def provisioned(host: Host) -> None:
    host.put(CONFIG, json.dumps(WANTED))
    done = agent(host, "apply", "--restart=always")
    assert done.status == 0, done.stderr


def removed(host: Host) -> list[str]:
    done = agent(host, "remove")
    assert done.status == 0, (done.document["left_over"], done.stderr)
    assert agent(host, "remove").document["things"] == []
    return [thing["does"] for thing in done.document["things"] if thing["fate"] == DO]


def files(host: Host) -> str:
    """What is left of ours in files, for root and for a user."""
    homes = "/root/.docker/buildx /home/dev/.docker/buildx"
    told = host.sh(f"find {OURS} -name '*provisioner*' -o -path '*/qemu/*' -type f; grep -rl container-builder {homes}")
    return told.stdout


def test_what_is_ours_goes_whatever_has_become_of_it_and_of_docker(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True, binfmt=True)
    host.sh("useradd --create-home --groups docker dev", check=True)
    before = portrait(host)

    for half, script in HALF.items():
        provisioned(host)
        host.sh(script, check=True)
        removed(host)
        assert portrait(host) == before, half
        assert host.sh("docker volume ls -q").stdout == "", half

    provisioned(host)
    host.sh("systemctl stop docker.socket docker containerd", check=True)
    assert not [does for does in removed(host) if "container rm" in does]
    assert files(host) == ""
    host.sh("systemctl start docker", check=True)
    rest = removed(host)
    assert [does for does in rest if "volume rm" in does], rest
    assert portrait(host) == before
    assert host.sh("docker volume ls -q").stdout == ""

    provisioned(host)
    host.sh(PURGE, check=True)
    removed(host)
    assert files(host) == ""
    assert host.sh(f"ls {ENTRY} {DAEMON_JSON}").stdout == ""
