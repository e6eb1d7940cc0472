"""A fake Docker Desktop with a real engine behind it: store, builder, proof and rollback, beside root's engine.

What stands in is the program ``docker desktop`` and the service behind it: a second dockerd, which reads from Desktop's
settings whether it has containerd's store, and takes its system for Desktop's. The emulators are the host's.
"""

import json

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent, differences, portrait, started
from tests.hosts import Host

pytestmark = pytest.mark.host
FOLDER = "/home/dev/.docker/desktop"
SETTINGS = f"{FOLDER}/settings-store.json"
STORE = b'{\n  "SettingsVersion": 43\n}'
PLUGIN = """\
#!/bin/sh
case "$1 $2" in
    docker-cli-plugin-metadata*) echo '{"SchemaVersion": "0.1.0", "Vendor": "a stand-in", "Version": "0"}' ;;
    "desktop status") echo starting ;;
    *) echo "$2" >/run/desktop ;;
esac
"""
ENGINE = f"""\
[Service]
ExecStart=/usr/sbin/dockerd --host=unix://{FOLDER}/docker.sock --group=dev --pidfile=/run/vm.pid --exec-root=/run/vm \\
    --data-root=/home/vm --bridge=vm0 --config-file=/run/vm.json --registry-mirror=http://127.0.0.1:5000
BindReadOnlyPaths=/os-release:/usr/lib/os-release
TemporaryFileSystem=/run/containerd
"""
BACKEND = """\
[Service]
ExecStart=/usr/local/sbin/desktop-backend
"""
ORDERS = f"""\
#!/usr/bin/python3
import json, os, subprocess
for line in open(os.open("/run/desktop", os.O_RDWR)):  # open for writing, too: else what comes meanwhile is lost
    order = line.strip()
    if order == "start":
        on = json.load(open("{SETTINGS}")).get("UseContainerdSnapshotter", False)
        with open("/run/vm.json", "w") as settings:
            json.dump({{"features": {{"containerd-snapshotter": on}}}}, settings)
    subprocess.run(("systemctl", order, "vm.service"))
    if order == "stop" and os.path.exists("{FOLDER}/docker.sock"):
        os.unlink("{FOLDER}/docker.sock")
"""


def desktop(boot: Boot) -> Host:
    """A host with root's engine, and the fake Desktop of the user dev, running, with the classic store."""
    files: dict[str, str | bytes] = {
        "/etc/systemd/system/vm.service": ENGINE,
        "/etc/systemd/system/desktop.service": BACKEND,
        "/usr/local/sbin/desktop-backend": ORDERS,
        "/plugin": PLUGIN,
        "/os-release": 'PRETTY_NAME="Docker Desktop"\n',
    }
    host = boot("trixie", layers=LAYERS, agent=True, files=files)
    host.sh(
        "useradd --create-home dev && ip link add vm0 type bridge && ip address add 172.31.0.1/16 dev vm0", check=True
    )
    host.put(SETTINGS, STORE)
    host.sh(
        "install -D /plugin /home/dev/.docker/cli-plugins/docker-desktop; chown -R dev: /home/dev; ip link set vm0 up;"
        " mkfifo -m 666 /run/desktop; chmod 755 /usr/local/sbin/desktop-backend; systemctl daemon-reload;"
        " systemctl start desktop; echo start >/run/desktop",
        check=True,
    )
    context = f"docker context create desktop-linux --docker host=unix://{FOLDER}/docker.sock"
    host.sh(f"{context} && docker context use desktop-linux", user="dev", check=True)
    host.wait("the engine", lambda: host.sh("docker info", user="dev").status == 0)
    return host


def test_desktop_s_user_gets_store_builder_and_proof_and_all_goes_back(boot: Boot) -> None:
    host = desktop(boot)
    assert agent(host, "apply", "--only=emulators").status == 0
    before, running = portrait(host), started(host)
    told = agent(host, "detect", user="dev")
    assert told.status == 0, host.run("provisioner", "detect", "--verbose", user="dev").stderr
    assert told.document["engine"]["configuration"] == {"path": SETTINGS, "exists": True}

    done = agent(host, "apply", user="dev")
    assert done.status == 0, done.stderr
    assert [(p["runs"], p["how"]) for p in done.document["proof"]["platforms"]] == [(True, "Docker Desktop")] * 2
    assert json.loads(host.get(SETTINGS) or b"") == {"SettingsVersion": 43, "UseContainerdSnapshotter": True}
    assert host.sh("docker info --format '{{.Driver}}' 2>/dev/null", user="dev").stdout.strip() == "overlayfs"
    checked = agent(host, "check", user="dev")
    assert (checked.status, checked.document["engine"]["kind"]) == (0, "desktop"), differences(checked)
    assert agent(host, "prove", user="dev").status == 0
    assert (portrait(host), started(host)) == (before, running)

    undone = agent(host, "rollback", user="dev")
    assert undone.status == 0, undone.stderr
    assert host.get(SETTINGS) == STORE
    assert host.sh("docker info --format '{{.Driver}}' 2>/dev/null", user="dev").stdout.strip() == "overlay2"
    assert host.sh("docker ps -aq; docker volume ls -q", user="dev").stdout == ""
