"""Hosts whose first process is not systemd: what runs their services restarts the daemon, or a restart is owed."""

import json
from pathlib import Path

import pytest

from tests.conftest import Boot
from tests.helpers.booted import DAEMON_JSON, LAYERS, agent, differences, steps, store
from tests.hosts import parts

pytestmark = pytest.mark.host
INIT = "/usr/local/sbin/plain-init"
CONFIG = "/etc/provisioner/provisioner.yaml"
ONLY = ("--only=daemon", "--only=image-store")
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

# A restart without anybody who runs services.
BY_HAND = """\
old=$(cat /run/docker.pid)
kill $old
while [ -e /proc/$old ]; do sleep .05; done
setsid dockerd >/var/log/docker.log 2>&1 &
until docker info >/dev/null 2>&1; do sleep .05; done
"""

OPENRC = """\
mkdir -p /run/lock /var/log
docker-registry serve /etc/docker/registry/config.yml >/var/log/registry.log 2>&1 &
echo 'rc_sys="systemd-nspawn"' >>/etc/rc.conf
chmod 755 /etc/init.d/docker
openrc sysinit
rc-update add docker default
openrc default
while :; do sleep 1; done
"""
OPENRC_DOCKER = """\
#!/sbin/openrc-run
command=/usr/sbin/dockerd
command_background=yes
pidfile=/run/openrc-docker.pid
output_log=/var/log/docker.log
error_log=/var/log/docker.log
extra_started_commands=reload
reload() {
    start-stop-daemon --signal HUP --pidfile "$pidfile"
}
"""
RUNIT = """\
mkdir -p /run/lock /var/log/docker
docker-registry serve /etc/docker/registry/config.yml >/var/log/registry.log 2>&1 &
chmod 755 /etc/service/docker/run /etc/service/docker/log/run
runsvdir -P /etc/service &
while :; do sleep 1; done
"""
SERVICES: dict[str, tuple[dict[str, str | bytes], str]] = {
    "OpenRC": ({INIT: OPENRC, "/etc/init.d/docker": OPENRC_DOCKER}, "rc-service docker status"),
    "runit": (
        {
            INIT: RUNIT,
            "/etc/service/docker/run": "#!/bin/sh\nexec 2>&1\nexec dockerd\n",
            "/etc/service/docker/log/run": "#!/bin/sh\nexec svlogd /var/log/docker\n",
        },
        "sv status docker",
    ),
}


@pytest.mark.parametrize("manager", SERVICES)
def test_openrc_and_runit_restart_reload_and_put_back_the_daemon(boot: Boot, manager: str) -> None:
    files, status = SERVICES[manager]
    wanted = {CONFIG: "daemon: {debug: true}\n"}
    layers: tuple[str | Path, ...] = (*LAYERS, *parts.managers())
    host = boot("trixie", layers=layers, agent=True, files={**files, **wanted}, init=INIT)
    switched = agent(host, "apply", *ONLY)
    assert switched.status == 0, switched.stderr
    assert "io.containerd.snapshotter.v1" in store(host)
    host.put(CONFIG, "daemon: {debug: false}\n")
    reloaded = agent(host, "apply", *ONLY)
    assert (reloaded.status, steps(reloaded)[-1]) == (0, "reload docker.service"), reloaded.stderr
    host.put(CONFIG, "daemon: {metrics-addr: '127.0.0.1:5000'}\n")  # where the registry listens
    failed = agent(host, "apply", *ONLY)
    assert failed.status == 3, failed.stderr
    assert "docker.service did not start: failed to start metrics server: listen tcp" in failed.stderr
    assert host.sh(status).status == 0
    assert agent(host, "rollback", "1").status == 0
    assert "overlay2" in store(host)


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
    unarmed = agent(host, "apply", "--only=image-store", "--confirm=1m")
    assert (unarmed.status, "only systemd can take an apply back later" in unarmed.stderr) == (1, True)
    assert host.get(DAEMON_JSON) is None
    done = agent(host, "apply", "--only=image-store")
    assert done.status == 5, done.stderr
    assert "nobody runs this host's services" in done.document["left"][0]["blocked"][0]["message"]
    assert json.loads(host.get(DAEMON_JSON) or b"") == {"features": {"containerd-snapshotter": True}}
    assert "overlay2" in store(host)
    owed = agent(host, "check", "--only=image-store")
    assert (owed.status, differences(owed)) == (2, {"image store: in effect"})
    host.sh(BY_HAND, check=True)
    assert agent(host, "check", "--only=image-store").status == 0
