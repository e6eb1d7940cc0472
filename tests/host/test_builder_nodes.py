"""One builder, two machines on a private network: each platform is built where its node is."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import Boot
from tests.host import LAYERS, agent, differences
from tests.host.builders import CONFIG, CONTAINER, build, prepare
from tests.hosts import Host, network, parts

pytestmark = pytest.mark.host
NODE = "buildx_buildkit_container-builder1"
SERVER = """\
set -e
id sshd >/dev/null 2>&1 || useradd --system --home-dir /run/sshd sshd
mkdir -p /run/sshd /etc/ssh /root/.ssh
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
cat > /root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
printf 'HostKey /etc/ssh/ssh_host_ed25519_key\\nUsePAM no\\n' > /etc/ssh/sshd_config
systemd-run --quiet --unit=sshd /usr/sbin/sshd -D -f /etc/ssh/sshd_config
"""


def trust(here: Host, there: Host, address: str) -> None:
    """Let root of one host log in to the other."""
    here.sh("mkdir -p /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519", check=True)
    there.sh(SERVER, input=here.get("/root/.ssh/id_ed25519.pub") or b"", check=True)
    key = (there.get("/etc/ssh/ssh_host_ed25519_key.pub") or b"").decode().split()
    here.put("/root/.ssh/known_hosts", f"{address} {key[0]} {key[1]}\n", 0o600)
    there.wait("its sshd", lambda: there.sh("ss -Hltn sport = :22").stdout != "")


def configure(host: Host, *nodes: Mapping[str, object]) -> None:
    """Two platforms, the second one with the nodes."""
    settings = {"platforms": ["linux/amd64", "linux/arm64"], "image_store": {"existing": "hide"}}
    host.put(CONFIG, json.dumps({**settings, "builder": {"platforms": ["linux/amd64"], "nodes": nodes}}))


def caches(host: Host) -> str:
    """What the node on a host keeps of builds."""
    return host.sh(f"docker exec {NODE} buildctl du", check=True).stdout


def test_a_second_machine_by_ssh_is_appended_used_cut_off_and_removed(boot: Boot) -> None:
    layers: tuple[str | Path, ...] = (*LAYERS, *parts.network())
    here, there = boot("trixie", layers=layers, agent=True), boot("trixie", layers=layers, agent=True)
    _, address = network.connect(here, there)
    trust(here, there, address)
    prepare(here)
    here.put("/n/Dockerfile", "FROM scratch\nCOPY sh /bin/sh\nARG TARGETPLATFORM\nCOPY Dockerfile /$TARGETPLATFORM/\n")
    here.sh("cp /b/sh /n/sh", check=True)
    configure(here)
    assert agent(here, "apply").status == 0
    assert build(here, 0) == (False, [0])
    node = {"endpoint": f"ssh://root@{address}", "platforms": ["linux/arm64"]}
    assert agent(there, "apply").status == 0  # its emulator, for our files are amd64's
    configure(here, node)
    assert differences(agent(here, "check")) == {"builder: node container-builder1"}
    done = agent(here, "apply")
    assert done.status == 0, done.stderr
    assert agent(here, "check").status == 0
    assert NODE in there.sh("docker ps").stdout
    assert NODE not in here.sh("docker ps").stdout
    rows = {r["platform"]: r["runs"] for r in done.document["proof"]["platforms"]}
    assert rows == {"linux/amd64": True, "linux/arm64": True}
    before = caches(there)
    argv = ("docker", "buildx", "build", "--platform=linux/amd64,linux/arm64", "/n")
    here.run(*argv, check=True, timeout=120)
    assert caches(there) != before
    network.disconnect(there)
    checked = agent(here, "check")
    assert (checked.status, checked.document["duration_seconds"] < 5) == (0, True)  # buildx itself waits 20 s
    proven = agent(here, "prove")
    rows = {r["platform"]: (r["runs"], r["away"]) for r in proven.document["platforms"]}
    assert (proven.status, rows) == (1, {"linux/amd64": (True, False), "linux/arm64": (False, True)})
    configure(here)
    assert differences(agent(here, "check")) == {"builder: nodes not asked for"}
    removed = agent(here, "apply")
    assert removed.status == 0, removed.stderr
    assert CONTAINER in here.sh("docker ps").stdout
    assert build(here, 1) == (True, [0, 1])


TLS = """\
set -e
mkdir -p /tls; cd /tls
new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $new -days 2 -subj /CN=ca -keyout ca-key.pem -out ca.pem
for who in server client; do
  openssl req $new -subj /CN=$who -keyout $who-key.pem -out $who.csr
  printf 'subjectAltName=IP:%s\\n' "$1" > ext
  openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile ext -out $who.pem
done
tar c .
"""
DAEMON = """\
tar xC /tls && docker run --detach --privileged --name far --publish 1234:1234 --volume /tls:/tls \\
  moby/buildkit:buildx-stable-1 --addr tcp://0.0.0.0:1234 \\
  --tlscacert /tls/ca.pem --tlscert /tls/server.pem --tlskey /tls/server-key.pem
"""


def test_a_remote_buildkitd_is_used_over_mutual_tls(boot: Boot) -> None:
    layers: tuple[str | Path, ...] = (*LAYERS, *parts.network())
    here, there = boot("trixie", layers=layers, agent=True), boot("trixie", layers=layers)
    _, address = network.connect(here, there)
    keys = command_output(here, TLS, address)
    there.sh("mkdir /tls", check=True)
    there.sh(DAEMON, input=keys, check=True)
    node = {
        "endpoint": f"tcp://{address}:1234",
        "platforms": ["linux/amd64"],
        "driver_options": {"cacert": "/tls/ca.pem", "cert": "/tls/client.pem", "key": "/tls/client-key.pem"},
    }
    here.put(CONFIG, json.dumps({"platforms": ["linux/amd64"], "builder": {"driver": "remote", "nodes": [node]}}))
    done = agent(here, "apply")
    assert done.status == 0, done.stderr
    assert [r["runs"] for r in done.document["proof"]["platforms"]] == [True]
    assert agent(here, "check").status == 0
    assert "container-builder" not in here.sh("docker ps -a").stdout


def command_output(host: Host, script: str, *args: str) -> bytes:
    """What a script prints, byte for byte."""
    host.sh(f"exec > /tmp/output 2>/tmp/said\n{script}", *args, check=True)
    return host.get("/tmp/output") or b""
