"""Hosts as strangers have them: what would make the builder fail is named, or done, before Docker is restarted."""

import json

import pytest

from provisioner.config import drivers
from tests.conftest import Boot
from tests.helpers.booted import DAEMON_JSON, LAYERS, Answer, agent, started, steps
from tests.helpers.builders import CONTAINER, configure

pytestmark = pytest.mark.host
PLUGIN = "/usr/libexec/docker/cli-plugins/docker-buildx"
UNSTAMPED = f"""#!/bin/sh
case "$*" in *version*) echo 'github.com/docker/buildx v0.0.0+unknown';; *) exec {PLUGIN}.real "$@";; esac
"""
DROPIN = "/etc/systemd/system/docker.service.d/http-proxy.conf"
PROXY = 'Environment="HTTPS_PROXY=http://me:secret@192.0.2.1:3128" "NO_PROXY=localhost,127.0.0.0/8"'


def blocked(document: dict[str, object], key: str) -> set[str]:
    """The codes of what stands in the way of the builder."""
    changes = document[key]
    assert isinstance(changes, list)
    return {b["code"] for c in changes if c["resource"] == "builder" for b in c["blocked"]}


def unswitched(answer: Answer, code: str, key: str = "left") -> bool:
    """Whether the builder cannot be made for this reason, and Docker is not restarted for the image store alone."""
    switch = [b["code"] for c in answer.document[key] if c["resource"] == "image store" for b in c["blocked"]]
    assert (blocked(answer.document, key), set(switch)) == ({code}, {"builder-first"}), answer.stderr
    return answer.status == 5 if key == "left" else "restart" not in str(steps(answer))


def test_what_is_odd_about_a_host_costs_no_restart(boot: Boot) -> None:
    host = boot("forky", layers=LAYERS, agent=True)
    settings = host.get(DAEMON_JSON)
    configure(host, driver_options={"network": "host"})
    # a buildx that was never given a version is not old
    host.sh(f"mv {PLUGIN} {PLUGIN}.real", check=True)
    host.put(PLUGIN, UNSTAMPED, 0o755)
    assert blocked(agent(host, "plan").document, "changes") == set()
    # a credential helper that is not there is named before anything is done
    host.put("/root/.docker/config.json", '{"credsStore": "desktop.exe"}')
    before = started(host)
    configure(host)
    assert blocked(agent(host, "plan").document, "changes") == {"no-credential-helper"}
    assert unswitched(agent(host, "apply"), "no-credential-helper")
    assert started(host) == before
    host.sh("rm /root/.docker/config.json", check=True)
    # the registry is down
    host.sh("systemctl stop docker-registry", check=True)
    assert unswitched(agent(host, "apply"), "no-image")
    assert (started(host), host.get(DAEMON_JSON)) == (before, settings)
    assert agent(host, "rollback").status == 0
    # the image is here, and goes into the new store without a registry
    host.sh(f"systemctl start docker-registry; until docker pull -q {drivers.IMAGE}; do sleep .1; done", check=True)
    host.sh("systemctl stop docker-registry", check=True)
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert any("into containerd's store" in step for step in steps(done))
    assert agent(host, "rollback").status == 0
    host.sh(f"docker image rm {drivers.IMAGE}; systemctl start docker-registry", check=True)
    # no buildx at all, and nobody may install it
    host.sh(f"mv {PLUGIN} {PLUGIN}.away", check=True)
    host.put("/etc/provisioner/provisioner.yaml", '{"packages": "never", "platforms": ["linux/amd64"]}')
    answer = agent(host, "plan")
    assert blocked(answer.document, "changes") == {"no-buildx"}
    assert unswitched(answer, "no-buildx", "changes")
    host.sh(f"mv {PLUGIN}.away {PLUGIN}", check=True)
    # the proxies of the unit reach the builder, passwords and all
    host.put(DROPIN, f"[Service]\n{PROXY}\n")
    host.sh("systemctl daemon-reload; systemctl restart docker", check=True)
    configure(host)
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    said = host.sh(f"docker inspect -f '{{{{json .Config.Env}}}}' {CONTAINER}", check=True).stdout
    assert {"https_proxy=http://me:secret@192.0.2.1:3128", "no_proxy=localhost,127.0.0.0/8"} <= set(json.loads(said))
    assert "secret" not in done.stderr
    assert agent(host, "check").status == 0
    # somebody pauses it
    host.sh(f"docker pause {CONTAINER}", check=True)
    assert steps(agent(host, "apply")) == [f"run docker container unpause {CONTAINER}"]
