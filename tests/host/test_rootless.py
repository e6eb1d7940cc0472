"""An engine of a user's own beside root's: everything as that user, and root's engine stays as it was."""

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent, differences, portrait, started
from tests.hosts import Host, parts

pytestmark = pytest.mark.host
SOCKET = "/run/user/1000/docker.sock"
DAEMON_JSON = "/home/dev/.config/docker/daemon.json"
STATE = "/home/dev/.local/state/provisioner"
CONTRIB = "/usr/share/docker.io/contrib"
DROP_IN = "/home/dev/.config/systemd/user/docker.service.d/mirror.conf"
# The registry that stands in for Docker Hub is on the host's loopback, which a user's network sees as 10.0.2.2 if told.
REGISTRY = "--registry-mirror=http://10.0.2.2:5000 --insecure-registry=10.0.2.2:5000"
MIRROR = f"""\
[Service]
Environment=DOCKERD_ROOTLESS_ROOTLESSKIT_DISABLE_HOST_LOOPBACK=false
ExecStart=
ExecStart={CONTRIB}/dockerd-rootless.sh --iptables=false {REGISTRY}
"""

LINGER = "/var/lib/systemd/linger/dev"
LASTING = (
    (f"mv {LINGER} {LINGER}.away", f"mv {LINGER}.away {LINGER}", "dev does not linger"),
    (
        "systemctl --user disable docker",
        "systemctl --user enable docker",
        "docker.service of dev does not start at boot",
    ),
)


def rootless(boot: Boot) -> Host:
    """A host with root's engine, and one of the user dev as Debian's own tool sets it up, in dev's context."""
    host = boot("trixie", layers=(*LAYERS, *parts.rootless()), agent=True)
    # no other ids are mapped into this host
    host.sh("useradd --create-home dev; echo dev:10000:50000 | tee /etc/subuid >/etc/subgid", check=True)
    host.put(DROP_IN, MIRROR)
    host.sh("chown -R dev: /home/dev; chmod 666 /dev/net/tun; loginctl enable-linger dev", check=True)
    host.wait("dev's session", lambda: host.sh("test -S /run/user/1000/bus").status == 0)
    # Debian's ends with a look for the client in its own folder, in vain
    host.sh(
        f"PATH={CONTRIB}:$PATH dockerd-rootless-setuptool.sh install --force --skip-iptables", user="dev", timeout=120
    )
    host.sh(f"docker context create rootless --docker host=unix://{SOCKET}", user="dev", check=True)
    host.sh("systemctl --user enable docker && docker context use rootless && docker info", user="dev", check=True)
    return host


def test_a_rootless_engine_is_provisioned_by_its_user_and_root_s_stays_as_it_was(boot: Boot) -> None:
    host = rootless(boot)
    before, running = portrait(host), started(host)
    found = agent(host, "detect", user="dev").document
    told = found["engine"]
    assert (told["title"], told["ours"]) == ("Engine, rootless", True)
    assert told["configuration"] == {"path": DAEMON_JSON, "exists": False}
    assert " ".join(told["restarted_by"]) == "systemctl --user restart --no-block docker.service"
    assert any("/var/run/docker.sock" in engine["address"] for engine in found["engines"])

    refused = agent(host, "apply", user="dev")
    assert refused.status == 1
    assert "emulators are the machine's own, for root to register" in refused.stderr
    assert "sudo provisioner apply --only emulators" in refused.stderr
    assert host.get(DAEMON_JSON) is None
    assert agent(host, "apply", "--only=emulators").status == 0
    emulated = portrait(host)

    done = agent(host, "apply", user="dev")
    assert done.status == 0, done.stderr
    assert {(p["platform"], p["runs"]) for p in done.document["proof"]["platforms"]} == {
        ("linux/amd64", True),
        ("linux/arm64", True),
    }
    checked = agent(host, "check", user="dev")
    assert (checked.status, checked.document["engine"]["kind"]) == (0, "rootless"), differences(checked)
    assert checked.document["engine"]["image_store"] == "containerd"
    for undo, redo, told in LASTING:
        host.sh(undo, user="root" if "linger" in undo else "dev", check=True)
        assert told in " ".join(agent(host, "check", user="dev").document["notes"])
        assert told in " ".join(agent(host, "plan", user="dev").document["notes"])
        host.sh(redo, user="root" if "linger" in redo else "dev", check=True)
    assert agent(host, "prove", user="dev").status == 0
    assert host.sh(f"stat -c %U {STATE}/receipts {DAEMON_JSON}").stdout.split() == ["dev", "dev"]
    assert host.sh("find /home/dev ! -user dev ! -path '*/share/docker/*' | head").stdout == ""

    elsewhere = {"DOCKER_CONFIG": "/home/dev/.config/docker", "DOCKER_HOST": f"unix://{SOCKET}"}
    for command in (("apply", "--only=builder"), ("check", "--only=builder"), ("rollback",)):
        ran = host.run("provisioner", *command, user="dev", env=elsewhere, timeout=240)
        assert ran.status == 0, ran.stderr

    root = agent(host, "check", f"--host=unix://{SOCKET}")
    assert root.status == 77
    assert "belongs to a user, and root does not provision it" in root.stderr
    assert portrait(host) == emulated

    undone = agent(host, "rollback", user="dev")
    assert undone.status == 0, undone.stderr
    assert host.get(DAEMON_JSON) is None
    assert "overlay2" in host.sh("docker info --format '{{.Driver}}'", user="dev").stdout
    assert host.sh("docker ps -aq; docker volume ls -q", user="dev").stdout == ""
    assert agent(host, "rollback").status == 0
    assert (portrait(host), started(host)) == (before, running)


def test_sudo_is_told_which_engine_the_user_meant(boot: Boot) -> None:
    host = boot("trixie", agent=True)
    host.sh("useradd --create-home dev", check=True)
    host.sh(
        f"docker context create mine --docker host=unix://{SOCKET} && docker context use mine", user="dev", check=True
    )
    ran = host.run("provisioner", "check", "--only=image-store", env={"SUDO_USER": "dev"})
    assert f"this is unix:///var/run/docker.sock; dev talks to unix://{SOCKET} (context mine)" in ran.stderr
