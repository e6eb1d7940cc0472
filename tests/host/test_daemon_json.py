"""daemon.json and the store on real engines: conflicts are named, leaves are set, all else is kept."""

import json
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest

from tests.conftest import Boot
from tests.helpers.booted import DAEMON_JSON, LAYERS, agent, differences, portrait, started, steps, store
from tests.hosts import Host

pytestmark = pytest.mark.host
CONFIG = "/etc/provisioner/provisioner.yaml"
DROP_IN = "/etc/systemd/system/docker.service.d/conflict.conf"
LONG = bool(os.environ.get("PROVISIONER_LONG"))
PLANNED = "forky"  # what apply says that it would do is the same plan
ALL = () if LONG else ("--only=daemon", "--only=image-store")  # what they do not concern costs a proof each
DOCKERD = "/usr/sbin/dockerd -H fd://"
DEFAULTS = "/etc/default/docker"
SLEEP = "tar c -C / -h lib64 usr/bin/sleep usr/lib/x86_64-linux-gnu/libc.so.6 | docker import - keep:1"
RUN = "docker run -d --name {} -e LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu {} keep:1 /usr/bin/sleep 999"
# An authorization plug-in that lets everything pass.
PLUGIN = """
import http.server, socketserver
class Server(socketserver.ThreadingUnixStreamServer): pass
class Handler(http.server.BaseHTTPRequestHandler):
    def address_string(self): return ""
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b'{"Implements": ["authz"]}' if "Activate" in self.path else b'{"Allow": true}'
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
Server("/run/docker/plugins/pass.sock", Handler).serve_forever()
"""


class Case(NamedTuple):
    """How a conflict is made, the words by which plan names it, and how it goes away again."""

    words: str
    files: Mapping[str, str] = MappingProxyType({})
    make: str = "true"
    undo: str = "true"
    engines: tuple[str, ...] = ("trixie", "forky", "29")


def unit(line: str) -> dict[str, str]:
    return {DROP_IN: f"[Service]\n{line}\n"}


CASES = {
    "a graph driver in the file": Case("storage-driver is 'overlay2'", {DAEMON_JSON: '{"storage-driver": "overlay2"}'}),
    "a graph driver's flag": Case(
        "passes --storage-driver 'vfs'", unit(f"ExecStart=\nExecStart={DOCKERD} --storage-driver=vfs")
    ),
    "DOCKER_DRIVER": Case("sets DOCKER_DRIVER to 'overlay2'", unit("Environment=DOCKER_DRIVER=overlay2")),
    "DOCKER_OPTS": Case("passes --storage-driver 'overlay2'", {DEFAULTS: 'DOCKER_OPTS="-s overlay2"\n'}),
    "DOCKER_OPTS, and one more file of variables": Case(
        "passes --storage-driver 'overlay2'",
        {DEFAULTS: 'DOCKER_OPTS="\\\n-s overlay2"\n', "/etc/more": "A=don't\n", **unit("EnvironmentFile=/etc/more")},
    ),
    "userns-remap": Case("userns-remap is 'default'", {DAEMON_JSON: '{"userns-remap": "default"}'}),
    "userns-remap's flag": Case("passes --userns-remap", {DEFAULTS: 'DOCKER_OPTS="--userns-remap=default"\n'}),
    "an explicit false": Case("explicitly false", {DAEMON_JSON: '{"features": {"containerd-snapshotter": false}}'}),
    "a feature's flag": Case("passes --feature", {DEFAULTS: 'DOCKER_OPTS="--feature=cdi"\n'}, engines=("forky", "29")),
    "a key of the past": Case("engine 23 took away graph", {DAEMON_JSON: '{"graph": "/var/lib/docker"}'}),
    "a broken file": Case("line 2, column 11", {DAEMON_JSON: '{\n  "debug" true\n}\n'}),
    "a second document": Case("a second document at line 2", {DAEMON_JSON: "{}\n{}"}),
    "features twice": Case("stands there twice", {DAEMON_JSON: '{"features": {}, "features": {"cdi": true}}'}),
    "a flag in the file, too": Case("as a flag and in the configuration", {DAEMON_JSON: '{"hosts": ["fd://"]}'}),
    "a marker in a label": Case("configuration management", {DAEMON_JSON: '{"labels": ["x=managed by ansible"]}'}),
    "a marker in a comment": Case("line 1, column 1", {DAEMON_JSON: "# Ansible managed\n{}\n"}),
    "another file at the next start": Case(
        "at its next start", unit(f"ExecStart=\nExecStart={DOCKERD} --config-file /etc/docker/other.json")
    ),
    "a snapshotter that is not there": Case(
        "storage-driver is 'stargaze', which containerd has not loaded", {DAEMON_JSON: '{"storage-driver": "stargaze"}'}
    ),
    "a manager of a swarm": Case(
        "manages a swarm",
        make="docker swarm init --advertise-addr 127.0.0.1",
        undo="docker swarm leave --force",
    ),
    "live-restore": Case(
        "live-restore is on",
        {DAEMON_JSON: '{"live-restore": true}'},
        make=f"systemctl reload docker; {SLEEP}; {RUN.format('theirs', '')}; sleep .3",
        undo="docker rm -f theirs; docker rmi keep:1",
    ),
    "an authorization plug-in": Case(
        "authorization plug-ins (pass)",
        {DAEMON_JSON: '{"authorization-plugins": ["pass"]}', "/plugin.py": PLUGIN},
        make="mkdir -p /run/docker/plugins; systemd-run -q --unit=plugin python3 /plugin.py; "
        "until [ -S /run/docker/plugins/pass.sock ]; do sleep .05; done; systemctl restart docker",
        undo="rm /etc/docker/daemon.json; systemctl restart docker; systemctl stop plugin; rm -r /run/docker/plugins",
    ),
    "a second daemon on the same file": Case(
        "another dockerd",
        make="systemd-run -q --unit=second dockerd --data-root=/var/lib/docker/second --exec-root=/run/second "
        "--pidfile=/run/second.pid --host=unix:///run/second.sock --bridge=none --iptables=false --ip6tables=false; "
        "sleep 1",
        undo="systemctl stop second",
    ),
}


def classic(host: Host, engine: str) -> None:
    """29 has the containerd store unless a graph driver was used before."""
    if engine == "29":
        host.put(DAEMON_JSON, '{"storage-driver": "overlay2"}')
        restart = "systemctl reset-failed docker; systemctl restart docker"
        host.sh(f"{restart} && rm {DAEMON_JSON} && {restart}", check=True)


@pytest.mark.parametrize("engine", ["trixie", "forky", "29"])
def test_every_conflict_is_named_and_an_apply_leaves_the_engine_running(boot: Boot, engine: str) -> None:
    host = boot(engine, layers=LAYERS, agent=True)
    classic(host, engine)
    host.put(CONFIG, "image_store: {existing: hide}\nrestart: always\n")
    plain = host.get(DEFAULTS)
    for name, case in CASES.items():
        if engine not in case.engines:
            continue
        for path, text in case.files.items():
            host.put(path, text)
        host.sh(f"systemctl daemon-reload; systemctl reset-failed docker; {case.make}", check=True)
        since = started(host)
        planned = agent(host, "plan", *ALL) if engine == PLANNED or LONG else None
        done = agent(host, "apply", *ALL)
        assert (planned.status if planned else 2, done.status) == (2, 5), (name, done.stderr)
        for answer in filter(None, (planned, done)):
            held = [h["message"] for c in answer.document["changes"] for h in c["blocked"]]
            assert any(case.words in reason for reason in held), (name, held)
        assert started(host) == since, name
        assert host.sh("docker version").status == 0, name
        assert "overlay2" in store(host), name
        for path, text in case.files.items():
            assert host.get(path) == text.encode(), name
        host.sh(f"{case.undo}; rm -f {DROP_IN} {DAEMON_JSON}; systemctl daemon-reload", check=True)
        host.put(DEFAULTS, plain or b"")
    host.put(
        DROP_IN, f'[Service]\nExecStart=\nExecStart={DOCKERD} $DOCKER_OPTS --log-opt "tag={{{{.Name}}}} {{{{.ID}}}}"\n'
    )
    host.sh("systemctl daemon-reload; systemctl reset-failed docker; systemctl restart docker", check=True)
    switched = agent(host, "apply")
    assert switched.status == 0, switched.stderr
    assert "io.containerd.snapshotter.v1" in store(host)


WANTED = """
image_store: {existing: hide}
daemon:
  debug: true
  labels: [tier=ci, "r=\u00fc"]
  log-opts: {max-size: 10m}
"""
THEIRS = '{\r\n\t"debug": false,\r\n\t"log-opts": {"tag": "x"}\r\n}'


def debug_and_labels(host: Host) -> tuple[bool, set[str]]:
    """Return what the daemon says of itself. It keeps its labels in a map, and lists them in any order."""
    found = json.loads(host.sh("docker info --format '{{json .}}'", check=True).stdout)
    return found["Debug"], set(found["Labels"] or ())


@pytest.mark.parametrize("engine", ["trixie", "29"] if LONG else ["29"])
def test_leaves_are_set_kept_and_given_back_with_one_restart(boot: Boot, engine: str) -> None:
    host = boot(engine, layers=LAYERS, agent=True, files={DAEMON_JSON: THEIRS, CONFIG: WANTED})
    classic(host, engine)
    host.put(DAEMON_JSON, THEIRS)
    planned = agent(host, "plan").document["changes"]
    assert [
        len([s for s in c["steps"] if s["phase"] == "restart"])
        for c in planned
        if c["resource"] in ("daemon", "image store")
    ] == [0, 1]
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    text = (host.get(DAEMON_JSON) or b"").decode()
    assert text.startswith('{\r\n\t"debug": true,\r\n\t"log-opts": {"tag": "x", "max-size": "10m"},\r\n\t"labels": [')
    assert json.loads(text)["features"] == {"containerd-snapshotter": True}
    assert debug_and_labels(host) == (True, {"tier=ci", "r=\u00fc"})
    assert agent(host, "check").status == 0

    host.put(DAEMON_JSON, text.replace('"debug": true', '"debug": false'))
    host.sh("systemctl reload docker", check=True)
    assert differences(agent(host, "check")) == {"daemon: debug", "daemon: debug in effect"}
    since = started(host)
    again = agent(host, "apply")
    assert (again.status, steps(again)[-1]) == (0, "reload docker.service"), again.stderr
    assert (started(host), (host.get(DAEMON_JSON) or b"").decode()) == (since, text)

    host.put(CONFIG, "image_store: {existing: hide}\ndaemon: {debug: true}\nrestart: always\n")
    assert differences(agent(host, "check")) == {"daemon: labels", "daemon: log-opts.max-size"}
    given = agent(host, "apply")
    assert given.status == 0, given.stderr
    left = json.loads(host.get(DAEMON_JSON) or b"")
    assert (left["debug"], left["log-opts"], "labels" in left) == (True, {"tag": "x"}, False)
    assert agent(host, "check").status == 0
    assert agent(host, "rollback", "1").status == 0
    assert (host.get(DAEMON_JSON) or b"").decode() == THEIRS
    assert "overlay2" in store(host)
    assert debug_and_labels(host) == (False, set())


def test_a_leaf_that_dockerd_would_refuse_is_held(boot: Boot) -> None:
    host = boot("forky", layers=LAYERS, agent=True, files={CONFIG: "daemon: {no-such-key: 1}\n"})
    held = agent(host, "apply")
    assert held.status == 5, held.stderr
    reasons = {c["resource"]: c["blocked"][0]["message"] for c in held.document["left"]}
    assert "don't match any configuration option: no-such-key" in reasons["daemon"]
    assert b"no-such-key" not in (host.get(DAEMON_JSON) or b"")


def test_a_restart_waits_for_its_window_and_for_builds(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    other = host.sh("date -u -d '3 days' +%a").stdout.strip().lower()  # not tomorrow: midnight may come meanwhile
    window = f"restart: {{policy: always, window: {{days: [{other}], start: '00:00', length: 1m, zone: UTC}}}}\n"
    host.put(CONFIG, window)
    held = agent(host, "apply")
    assert held.status == 5, held.stderr
    assert "the window for that is closed" in held.document["left"][0]["blocked"][0]["message"]
    assert agent(host, "check").status == 2
    host.put(CONFIG, "image_store: {existing: hide}\n")
    host.put(
        "/b/Dockerfile", 'FROM keep:1\nENV LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu\nRUN ["/usr/bin/sleep", "99"]\n'
    )
    host.sh(SLEEP, check=True)
    build = host.start("docker", "build", "/b")
    host.wait("the build", lambda: host.sh("pgrep -x sleep").status == 0)
    busy = agent(host, "plan").document["changes"]
    assert "a build is running" in next(c for c in busy if c["resource"] == "image store")["blocked"][0]["message"]
    assert agent(host, "apply", "--restart=never").status == 5
    host.sh("pkill -KILL -x sleep", check=True)
    build.communicate(timeout=30)
    assert agent(host, "apply").status == 0


def test_a_daemon_that_finds_its_port_taken_is_put_back(boot: Boot) -> None:
    config = "daemon: {metrics-addr: '127.0.0.1:5000', debug: true}\n"  # where the registry listens
    host = boot("forky", layers=LAYERS, agent=True, files={CONFIG: config, DAEMON_JSON: '{"debug": false}'})
    before = portrait(host)
    failed = agent(host, "apply")
    assert failed.status == 3, failed.stderr
    assert "docker.service did not start" in failed.stderr
    assert "address already in use" in failed.stderr
    assert portrait(host) == before
    assert host.sh("systemctl is-active docker.service docker.socket").stdout.split() == ["active", "active"]
