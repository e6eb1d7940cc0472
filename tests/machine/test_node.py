"""A node with another CPU: an amd64 host builds for amd64 itself, and an arm64 machine builds for arm64, natively."""

import json
from pathlib import Path

import pytest

from tests.conftest import Boot, Machines
from tests.helpers.booted import LAYERS, agent
from tests.helpers.builders import CONFIG
from tests.host.test_builder_nodes import NODE, rows, trust
from tests.hosts import Host, network, parts
from tests.machines import Machine, kernels, lan

PLATFORMS = ["linux/amd64", "linux/arm64"]
BOTH = dict.fromkeys(PLATFORMS, (True, False))
DOCKERFILE = """\
FROM scratch
ARG TARGETARCH
COPY $TARGETARCH /bin/sh
COPY $TARGETARCH /bin/sleep
COPY $TARGETARCH /bin/uname
ARG N
RUN echo "$TARGETARCH runs on $(uname -m)"
RUN [ $TARGETARCH = amd64 ] || sleep $N
"""
# BuildKit's image, made on the machine itself of what the host serves and of its own runc. $1 is the host's address.
IMAGE = """\
set -e
mkdir -p /i/usr/bin /i/bin /i/tmp /i/run /i/var/lib
cd /i
fetch="import sys, urllib.request as u; u.urlretrieve(*sys.argv[1:])"
for name in buildkitd buildctl; do python3 -c "$fetch" "http://$1:8000/$name" "usr/bin/$name"; done
cp /usr/sbin/runc usr/bin/buildkit-runc
cp /opt/busybox bin/busybox
cp /opt/busybox bin/sh
for library in $(ldd /usr/sbin/runc | grep -o '/[^ ]*'); do
    mkdir -p ".${library%/*}"
    cp -L "$library" ".$library"
done
chmod 755 usr/bin/* bin/*
tar -c . | docker import --change 'ENTRYPOINT ["buildkitd"]' --change 'VOLUME /var/lib/buildkit' \
    --change 'ENV BUILDKIT_SETUP_CGROUPV2_ROOT=1' - moby/buildkit:buildx-stable-1
"""


def furnish(here: Host, there: Machine) -> None:
    """Give the machine an SSH server and BuildKit's image, and the host something to build."""
    for layer in parts.foreign_network("arm64"):
        there.unpack(layer)
    there.run("ldconfig", check=True)
    programs = parts.foreign_buildkit("arm64") / "usr/bin"
    for program in programs.iterdir():
        here.put(f"/srv/www/{program.name}", program.read_bytes())
    busybox = {"amd64": parts.programs() / "busybox-static/usr/bin/busybox", "arm64": kernels.busybox("arm64")}
    for name, path in busybox.items():
        here.put(f"/n/{name}", path.read_bytes(), 0o755)
    here.put("/n/Dockerfile", DOCKERFILE)
    there.put("/opt/busybox", busybox["arm64"].read_bytes(), 0o755)
    here.sh("systemd-run --quiet --unit=www python3 -m http.server --directory /srv/www 8000", check=True)
    there.sh(IMAGE, network.ADDRESSES[0], check=True)


def building(number: int) -> tuple[str, ...]:
    """Return the command that builds for both platforms. The RUN for arm64 takes this many seconds."""
    plain = ("docker", "buildx", "build", "--progress=plain", f"--platform={','.join(PLATFORMS)}")
    return (*plain, f"--build-arg=N={number}", "/n")


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_an_arm64_node_builds_natively_for_an_amd64_host_until_it_is_cut_off(boot: Boot, machines: Machines) -> None:
    layers: tuple[str | Path, ...] = (*LAYERS, *parts.network())
    there = machines("arm64", tap=lan.TAP)
    here = boot("trixie", layers=layers, agent=True)
    address = lan.connect(here, there)
    furnish(here, there)
    trust(here, there, address)
    here.put("/root/.ssh/config", "Host *\n  ServerAliveInterval 10\n  ServerAliveCountMax 3\n", 0o600)
    node = {"endpoint": f"ssh://root@{address}", "platforms": PLATFORMS[1:]}
    settings = {"platforms": PLATFORMS, "builder": {"platforms": PLATFORMS[:1], "nodes": [node]}}
    here.put(CONFIG, json.dumps(settings))
    applied = agent(here, "apply")
    assert applied.status == 0, applied.stderr
    assert rows(applied) == BOTH
    assert agent(here, "check").status == 0
    assert (NODE in there.sh("docker ps").stdout, NODE in here.sh("docker ps").stdout) == (True, False)

    built = here.run(*building(0), timeout=600, check=True).stderr
    assert ("amd64 runs on x86_64" in built, "arm64 runs on aarch64" in built) == (True, True), built
    cut = here.start(*building(611))
    there.wait("its RUN", lambda: "sleep 611" in there.sh("ps ax").stdout)
    assert "sleep 611" not in here.sh("ps ax").stdout
    assert "qemu" not in there.sh("cat /proc/[0-9]*/cmdline").stdout  # it runs as any program of this CPU
    assert there.sh("ls /proc/sys/fs/binfmt_misc").stdout.find("aarch64") == -1

    lan.plug(there, plugged=False)
    output, said = cut.communicate(timeout=300)
    assert cut.returncode != 0
    print("cut off:", (output + said).decode().strip().splitlines()[-1])
    assert agent(here, "check").status == 0  # which asks no other machine
    proven = agent(here, "prove")
    assert (proven.status, rows(proven)) == (1, {**BOTH, "linux/arm64": (False, True)}), proven.document

    lan.plug(there, plugged=True)
    there.wait("the end of the build that was cut off", lambda: "sleep 611" not in there.sh("ps ax").stdout)
    proven = agent(here, "prove")
    assert (proven.status, rows(proven)) == (0, BOTH), proven.document
    assert agent(here, "rollback").status == 0
    assert NODE not in there.sh("docker ps --all").stdout
