"""One builder, two machines on a private network: each platform is built where its node is."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, Answer, agent, differences
from tests.helpers.builders import CONFIG, CONTAINER, INSTANCE, SOCKET, build, checked, prepare
from tests.hosts import Host, network, parts
from tests.machines import Machine

pytestmark = pytest.mark.host
NODE = "buildx_buildkit_container-builder1"
PLATFORMS = ["linux/amd64", "linux/386"]  # each CPU here runs both, so what is built where shows in the processes alone
DOCKERFILE = """\
FROM scratch
COPY sh /bin/sh
COPY sh /bin/sleep
ARG TARGETARCH N
RUN [ $TARGETARCH = amd64 ] || sleep $N
"""
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


def trust(here: Host, there: Host | Machine, address: str) -> None:
    """Let root of one host log in to the other."""
    here.sh("mkdir -p /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519", check=True)
    there.sh(SERVER, input=here.get("/root/.ssh/id_ed25519.pub") or b"", check=True)
    key = (there.get("/etc/ssh/ssh_host_ed25519_key.pub") or b"").decode().split()
    here.put("/root/.ssh/known_hosts", f"{address} {key[0]} {key[1]}\n", 0o600)
    there.wait("its sshd", lambda: there.sh("ss -Hltn sport = :22").stdout != "")


def configure(host: Host, *nodes: Mapping[str, object], own: Sequence[str] = PLATFORMS[:1]) -> None:
    """Two platforms, the second one with the nodes."""
    settings = {"platforms": PLATFORMS, "image_store": {"existing": "hide"}}
    host.put(CONFIG, json.dumps({**settings, "builder": {"platforms": own, "nodes": nodes}}))


def context(host: Host) -> None:
    """What is built on both machines at once, and takes as long as one wants on the second."""
    prepare(host)
    host.put("/n/Dockerfile", DOCKERFILE)
    host.sh("cp /b/sh /n/sh", check=True)


def builds(host: Host, number: int) -> subprocess.Popen[bytes]:
    """Begin to build both platforms; the second one's RUN sleeps for so many seconds."""
    argv = ("docker", "buildx", "build", "--progress=plain", f"--platform={','.join(PLATFORMS)}")
    return host.start(*argv, f"--build-arg=N={number}", "/n")


def cached(building: subprocess.Popen[bytes]) -> list[bool]:
    """For each RUN of a build that succeeds whether it came from the cache."""
    said = building.communicate(timeout=60)[1].decode()
    assert building.returncode == 0, said
    steps = sorted(set(re.findall(r"^(#\d+) \[[^\]]*\] RUN", said, re.MULTILINE)))
    return [f"{step} CACHED" in said for step in steps]


def runs(host: Host, number: int) -> bool:
    """Whether the RUN of a build is among this host's processes; those of the other are not to be seen from it."""
    return f"sleep {number}" in host.sh("ps ax", check=True).stdout


def rows(answer: Answer) -> dict[str, tuple[bool, bool]]:
    """For each platform whether it runs, and whether its node is away."""
    proof = answer.document.get("proof") or answer.document
    return {r["platform"]: (r["runs"], r["away"]) for r in proof["platforms"]}


BOTH = {"linux/amd64": (True, False), "linux/386": (True, False)}


def test_a_second_machine_by_ssh_is_appended_used_cut_off_and_removed(boot: Boot) -> None:
    layers: tuple[str | Path, ...] = (*LAYERS, *parts.network())
    here, there = boot("trixie", layers=layers, agent=True), boot("trixie", layers=layers)
    _, address = network.connect(here, there)
    trust(here, there, address)
    context(here)
    configure(here)
    assert agent(here, "apply").status == 0
    assert build(here, 0) == (False, [0])
    node = {"endpoint": f"ssh://root@{address}", "platforms": PLATFORMS[1:]}
    configure(here, node)
    assert differences(agent(here, "check")) == {"builder: node container-builder1"}
    assert "waits for ever when the wire is cut" in str(agent(here, "plan").document["changes"][0]["notes"])
    here.put("/root/.ssh/config", "Host *\n  ServerAliveInterval 2\n  ServerAliveCountMax 3\n", 0o600)
    done = agent(here, "apply")
    assert done.status == 0, done.stderr
    assert rows(done) == BOTH
    assert agent(here, "check").status == 0
    assert (NODE in there.sh("docker ps").stdout, NODE in here.sh("docker ps").stdout) == (True, False)

    assert cached(builds(here, 0)) == [False, False]
    identity = here.sh(f"docker inspect --format '{{{{.Id}}}}' {CONTAINER}", check=True).stdout
    cut = builds(here, 611)
    there.wait("the second platform's RUN", lambda: runs(there, 611))
    assert not runs(here, 611)
    network.disconnect(there)
    assert "not responding" in cut.communicate(timeout=60)[1].decode()
    assert cut.returncode != 0
    assert checked(here) == (0, {SOCKET})
    proven = agent(here, "prove")
    assert (proven.status, rows(proven)) == (1, {**BOTH, "linux/386": (False, True)})
    stored = here.get(INSTANCE)
    for own, reason in (((), "would lose container-builder1"), (PLATFORMS[:1], f"{address} does not answer")):
        configure(here, {**node, "flags": ["--debug"]}, own=own)
        held = agent(here, "apply")
        assert (held.status, reason in str(held.document["left"])) == (5, True), held
        assert here.get(INSTANCE) == stored
    assert identity == here.sh(f"docker inspect --format '{{{{.Id}}}}' {CONTAINER}", check=True).stdout

    network.reconnect(there)
    done = agent(here, "apply")  # of another node's container what it was made with is changed, too, and not its cache
    assert (done.status, rows(done)) == (0, BOTH), done.stderr
    assert "--debug" in there.sh(f"docker inspect {NODE}", check=True).stdout
    assert cached(builds(here, 0)) == [True, True]
    there.sh(f"docker update --restart no {NODE}", check=True)
    there.sh("tar c --files-from /dev/null | docker import - moby/buildkit:buildx-stable-1", check=True)
    assert agent(here, "check").status == 0  # which asks no other machine
    planned = str(agent(here, "plan").document["changes"])
    for key in ("restart policy", "image digest"):
        assert f"node container-builder1 container {key}" in planned
    assert f"as {NODE}-before-" in planned
    assert f"@{address}" in planned
    done = agent(here, "apply")
    assert (done.status, rows(done)) == (0, BOTH), done.stderr
    assert agent(here, "plan").status == 0

    here.sh(f"docker context create far --docker host=ssh://root@{address}", check=True)
    configure(here, {**node, "endpoint": "far", "flags": ["--debug"]})
    assert differences(agent(here, "check")) == {"builder: node container-builder1"}
    assert agent(here, "apply").status == 0  # the same machine in other words: its container and its cache stay
    assert cached(builds(here, 0)) == [True, True]

    configure(here)
    assert differences(agent(here, "check")) == {"builder: nodes not asked for"}
    assert "the container of container-builder1 stays on far" in str(agent(here, "plan").document)
    removed = agent(here, "apply")
    assert removed.status == 0, removed.stderr
    assert agent(here, "check").status == 0
    assert identity == here.sh(f"docker inspect --format '{{{{.Id}}}}' {CONTAINER}", check=True).stdout
    assert build(here, 1) == (True, [0, 1])


TLS = """\
set -e
mkdir -p /tls; cd /tls
new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $new -days 2 -subj /CN=ca -keyout ca-key.pem -out ca.pem
for who in server client; do
  openssl req $new -subj /CN=$who -keyout $who-key.pem -out $who.csr
  printf 'subjectAltName=IP:%s,IP:%s\\n' "$1" "$2" > ext
  openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile ext -out $who.pem
done
tar c .
"""
DAEMON = """\
mkdir -p /tls && tar xC /tls && docker run --detach --privileged --name far --publish 1234:1234 --volume /tls:/tls \\
  moby/buildkit:buildx-stable-1 --addr tcp://0.0.0.0:1234 \\
  --tlscacert /tls/ca.pem --tlscert /tls/server.pem --tlskey /tls/server-key.pem
"""
ASK = "docker exec far buildctl --addr tcp://$1:1234 --tlscacert /tls/ca.pem"
WITH = "--tlscert /tls/client.pem --tlskey /tls/client-key.pem"
# TLS 1.3 judges a client's certificate when the client writes already: it reads the alert, or meets a closed door.
REFUSED = ("tls: certificate required", "broken pipe", "connection reset by peer", "EOF")


def test_two_buildkitds_are_used_over_mutual_tls(boot: Boot) -> None:
    layers: tuple[str | Path, ...] = (*LAYERS, *parts.network())
    here, there = boot("trixie", layers=layers, agent=True), boot("trixie", layers=layers)
    addresses = network.connect(here, there)
    context(here)
    keys = command_output(here, TLS, *addresses)
    for host in (here, there):
        host.sh(DAEMON, input=keys, check=True)
    here.wait("both buildkitds", lambda: all(here.sh(f"{ASK} {WITH} debug workers", a).status == 0 for a in addresses))
    refused = here.sh(f"{ASK} debug workers", addresses[1])
    assert (refused.status, any(words in refused.stderr for words in REFUSED)) == (1, True), refused.stderr

    nodes = [
        {"endpoint": f"tcp://{address}:1234", "platforms": [platform]}
        for address, platform in zip(addresses, PLATFORMS, strict=True)
    ]
    tls = {"cacert": "/tls/ca.pem", "cert": "/tls/client.pem", "key": "/tls/client-key.pem"}
    builder = {"driver": "remote", "driver_options": tls, "nodes": nodes}
    settings = {"platforms": PLATFORMS, "image_store": {"backend": "unmanaged"}}
    here.put(CONFIG, json.dumps({**settings, "builder": builder}))
    done = agent(here, "apply")
    assert (done.status, rows(done)) == (0, BOTH), done.stderr
    assert agent(here, "check").status == 0
    assert "container-builder" not in here.sh("docker ps -a").stdout

    cut = builds(here, 612)
    there.wait("the second platform's RUN", lambda: runs(there, 612))
    assert not runs(here, 612)
    there.sh("docker kill far", check=True)
    assert "ERROR" in cut.communicate(timeout=60)[1].decode()
    assert cut.returncode != 0
    assert agent(here, "check").status == 0
    assert rows(agent(here, "prove")) == {**BOTH, "linux/386": (False, True)}
    there.sh("docker start far", check=True)
    here.wait("its buildkitd", lambda: here.sh(f"{ASK} {WITH} debug workers", addresses[1]).status == 0)
    assert len(cached(builds(here, 0))) == 2
    here.put(CONFIG, json.dumps({**settings, "platforms": PLATFORMS[:1], "builder": {**builder, "nodes": nodes[:1]}}))
    assert differences(agent(here, "check")) == {"builder: nodes not asked for"}
    assert agent(here, "apply").status == 0
    assert agent(here, "check").status == 0


def command_output(host: Host, script: str, *args: str) -> bytes:
    """What a script prints, byte for byte."""
    host.sh(f"exec > /tmp/output 2>/tmp/said\n{script}", *args, check=True)
    return host.get("/tmp/output") or b""
