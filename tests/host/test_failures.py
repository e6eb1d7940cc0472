"""A check that cannot look is a state: in every format, the record, the metrics, the journal, and Ansible's fact."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent
from tests.host.test_drift import CONFIG, METRICS, put_prometheus_client, record, told
from tests.hosts import Host

pytestmark = pytest.mark.host
STOP = "systemctl stop docker.socket docker.service && systemctl mask --runtime docker.socket docker.service"
START = "systemctl unmask --runtime docker.socket docker.service && systemctl start docker.service"


def said(host: Host, kind: str) -> tuple[int, str]:
    ran = host.run("provisioner", "check", f"--format={kind}")
    return ran.status, ran.stdout


def error(found: dict[str, Any]) -> tuple[str, str]:
    return found["status"], found["error"]["code"]


def test_docker_that_is_down_is_told_by_everything_that_machines_read(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    put_prometheus_client(host)
    assert agent(host, "apply").status == 0
    host.sh(f"mkdir -p {METRICS}", check=True)
    keep = ("check", "--record", f"--textfile-dir={METRICS}")
    assert agent(host, *keep).status == 0
    host.sh(STOP, check=True)

    checked = agent(host, *keep)
    assert checked.status == 69
    assert error(checked.document) == ("failed", "engine-stopped")
    assert checked.document["error"]["hint"] == "start it with `systemctl start docker`"
    kept = record(host)
    assert (error(kept), kept["last_known"]["differences"]) == (("failed", "engine-stopped"), [])
    metrics = (host.get(f"{METRICS}/provisioner.prom") or b"").decode()
    assert "provisioner_check_success 0.0" in metrics
    assert "platform_ready" not in metrics
    assert len(told(host, "check failed")) == 1
    status, line = said(host, "nagios")
    assert (status, line.startswith("PROVISIONER CRITICAL - Docker is not running")) == (2, True)
    suite = ElementTree.fromstring(said(host, "junit")[1])[0]  # noqa: S314  # our own
    assert suite.get("errors") == "1"
    for command in ("plan", "apply", "prove"):
        answer = agent(host, command)
        assert (answer.status, error(answer.document)) == (69, ("failed", "engine-stopped")), command
    described = host.run("provisioner", "detect")
    assert described.status == 69
    assert "linux/arm64" in described.stdout
    assert "next: start it with `systemctl start docker`" in described.stdout

    again = agent(host, *keep)
    assert again.document["error"]["since"] == checked.document["error"]["since"]
    assert len(told(host, "check failed")) == 1
    host.sh(START, check=True)
    assert agent(host, *keep).status == 0
    assert len(told(host, "check works again")) == 1
    assert "provisioner_check_success 1.0" in (host.get(f"{METRICS}/provisioner.prom") or b"").decode()


def test_a_broken_configuration_and_a_missing_right_are_told_in_the_same_way(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.put(CONFIG, "platfroms: [linux/arm64]\nbuilder: {nmae: x}\n")
    for command in ("check", "plan", "apply", "prove", "detect"):
        answer = agent(host, command)
        assert (answer.status, error(answer.document)) == (78, ("failed", "configuration")), command
    listed = agent(host, "validate")
    assert [p["line"] for p in listed.document["problems"]] == [1, 2]
    host.put(CONFIG, "")
    stranger = host.run("provisioner", "check", "--format=json", user="nobody")
    found = json.loads(stranger.stdout)
    assert (stranger.status, error(found)) == (77, ("failed", "permission-denied"))


def test_an_error_is_explained_by_what_this_host_shows(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)

    def real(message: str) -> str:
        (found,) = agent(host, "explain", message).document["errors"]
        (cause,) = (c for c in found["causes"] if c["real"])
        return str(cause["cure"][0])

    refused = host.sh("echo FROM scratch | docker buildx build --platform linux/amd64,linux/arm64 - 2>&1").stdout
    assert "supported for" in refused
    assert real(refused).endswith("--only image-store")
    assert real("exec /bin/sh: exec format error (linux/arm64)").endswith("--only emulators")
    assert agent(host, "apply").status == 0
    assert "--builder container-builder" in real(refused)
    assert real("exec /bin/sh: exec format error (linux/arm64)").startswith("docker image inspect")
    host.sh(STOP, check=True)
    assert real("Cannot connect to the Docker daemon at unix:///var/run/docker.sock") == "sudo systemctl start docker"
