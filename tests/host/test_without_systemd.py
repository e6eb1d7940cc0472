"""Hosts whose first process is not systemd: init scripts restart the daemon, or nobody does and a restart is owed."""

import json

import pytest

from tests.conftest import Boot
from tests.host import DAEMON_JSON, LAYERS, agent, differences, store

pytestmark = pytest.mark.host
INIT = "/usr/local/sbin/plain-init"
CONFIG = "/etc/provisioner/provisioner.yaml"
# Debian's init script raises limits that this machine may not allow.
SCRIPTS = """\
mkdir -p /run/lock /var/log
docker-registry serve /etc/docker/registry/config.yml >/var/log/registry.log 2>&1 &
sed -i 's/^\\s*ulimit/: &/' /etc/init.d/docker
service docker start
while :; do sleep 1; done
"""
NOBODY = """\
rm -f /etc/init.d/docker
dockerd >/var/log/docker.log 2>&1 &
while :; do sleep 1; done
"""


def test_init_scripts_restart_the_daemon_there_and_back(boot: Boot) -> None:
    files = {INIT: SCRIPTS, CONFIG: "platforms: [amd64]\ndaemon: {debug: true}\n"}
    host = boot("trixie", layers=LAYERS, agent=True, files=files, init=INIT)
    assert host.sh("cat /proc/1/comm").stdout.strip() == "sh"
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert "io.containerd.snapshotter.v1" in store(host)
    assert agent(host, "check").status == 0
    host.put(DAEMON_JSON, '{"features": {"containerd-snapshotter": true}, "debug": true, "log-level": "bogus"}')
    host.put(CONFIG, "platforms: [amd64]\ndaemon: {debug: true, log-level: nonsense}\n")
    refused = agent(host, "apply")
    assert (refused.status, "daemon" in refused.document["left"][0]["resource"]) == (5, True), refused.stderr
    host.put(DAEMON_JSON, '{"debug": true, "features": {"containerd-snapshotter": true}}')
    host.put(CONFIG, "platforms: [amd64]\ndaemon: {debug: true}\n")
    undone = agent(host, "rollback")
    assert undone.status == 0, undone.stderr
    assert "overlay2" in store(host)


def test_where_nobody_restarts_the_daemon_a_restart_is_owed(boot: Boot) -> None:
    files = {INIT: NOBODY, CONFIG: "platforms: [amd64]\n"}
    host = boot("trixie", layers=LAYERS, agent=True, files=files, init=INIT)
    done = agent(host, "apply", "--only=image-store")
    assert done.status == 5, done.stderr
    assert "nobody runs this host's services" in done.document["left"][0]["held"][0]["reason"]
    assert json.loads(host.get(DAEMON_JSON) or b"") == {"features": {"containerd-snapshotter": True}}
    assert "overlay2" in store(host)
    owed = agent(host, "check", "--only=image-store")
    assert (owed.status, differences(owed)) == (2, {"image store: in effect"})
    host.sh(
        "kill $(cat /run/docker.pid); sleep 1; setsid dockerd >/var/log/docker.log 2>&1 & sleep 2; docker info",
        check=True,
    )
    assert agent(host, "check", "--only=image-store").status == 0
