"""Public reports, each made on a booted host: what a plan or a check says of it, and what an apply does not do."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.conftest import Boot
from tests.helpers.booted import DAEMON_JSON, LAYERS, Answer, agent, started
from tests.helpers.builders import CONTAINER, START
from tests.hosts import Host
from tests.hosts.recipes import BUILDKIT_IMAGE

pytestmark = [pytest.mark.host, pytest.mark.timeout(400)]
CONFIG = "/etc/provisioner/provisioner.yaml"
DROP_IN = "/etc/systemd/system/docker.service.d/reports.conf"
PLUGIN = "/usr/libexec/docker/cli-plugins/docker-buildx"
TABLE = "/proc/sys/fs/binfmt_misc"
RESTART = "systemctl daemon-reload; systemctl reset-failed docker; systemctl restart docker"
CLEAN = f"rm -f {DAEMON_JSON} {DROP_IN}; {RESTART}"
ARM64 = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
BOX = rf"echo ':box:M::{ARM64}:{MASK}:/opt/box/qemu-aarch64:' > {TABLE}/register"


def code(answer: Answer, key: str = "changes") -> set[str]:
    """Return the codes of all obstacles."""
    return {b["code"] for change in answer.document[key] for b in change["blocked"]}


def notes(answer: Answer) -> str:
    """Return all notes of a plan or check as one text."""
    document = answer.document
    return "\n".join((*document["notes"], *(n for c in document.get("changes", ()) for n in c["notes"])))


class Case(NamedTuple):
    """A report: how its host is made, what a plan has to say, and how the host becomes as it was.

    ``codes`` are the obstacles, ``told`` is in a note, and ``untold`` is not. ``config`` is added to the configuration.
    """

    make: str
    codes: frozenset[str] = frozenset()
    told: str = ""
    unmake: str = CLEAN
    config: Mapping[str, Any] = MappingProxyType({})


FILE = f"mkdir -p /etc/docker; echo '{{}}' > {DAEMON_JSON}; {RESTART}"
EMULATED = {"platforms": ["linux/amd64", "linux/arm64"]}
CASES = {
    "P14, docker's bridge is switched off": Case(
        FILE.format('{"bridge": "none"}'), frozenset({"no-bridge", "builder-first"})
    ),
    "P14, docker makes no rules": Case(FILE.format('{"iptables": false}'), told="iptables: false"),
    "moby/moby#28133, containers keep their addresses": Case(FILE.format('{"ip-masq": false}'), told="ip-masq: false"),
    "moby/moby#47966, somebody forbids forwarding": Case(
        "sysctl --quiet net.ipv4.ip_forward=0", told="forwards no packets", unmake="sysctl net.ipv4.ip_forward=1"
    ),
    "moby/buildkit#2404, the name server is on the loopback": Case(
        "echo nameserver 127.0.0.1 > /etc/resolv.conf",
        told="the builder asks 8.8.8.8",
        unmake="echo > /etc/resolv.conf",
    ),
    "docker/buildx#604, a host with IPv6 alone": Case(
        "ip link add lan1 type veth peer name lan2; ip link set lan1 up; ip -6 route add default dev lan1",
        told="over IPv6 alone, and docker0 has no IPv6",
        unmake="ip link delete lan1",
    ),
    "docker/for-linux#1422, a pool has addresses of another network": Case(
        "ip link add lan1 type veth peer name lan2; ip link set lan1 up; ip link set lan2 up;"
        " ip address add 10.9.9.1/24 dev lan1; ip route add 10.20.4.0/24 via 10.9.9.2",
        told="new networks of Docker get the addresses 10.20.0.0/16, and this host reaches 10.20.4.0/24 through lan1",
        unmake="ip link delete lan1",
        config={"daemon": {"default-address-pools": [{"base": "10.20.0.0/16", "size": 24}]}},
    ),
    "puppetlabs/puppetlabs-docker#518, Puppet makes the file": Case(
        f"mkdir -p /var/cache/puppet/state; echo 'file[{DAEMON_JSON}]' > /var/cache/puppet/state/resources.txt",
        frozenset({"managed-file"}),
        unmake="rm -r /var/cache/puppet",
    ),
    "X2, a server that is named like a product": Case("hostname lima-web-01", unmake="hostname docker-forky"),
    "X5, image IDs change": Case("true", told="image IDs become digests of indexes", unmake="true"),
    "X7, another pidfile beside another file": Case(
        "mkdir -p /srv/d; echo '{}' > /srv/d/daemon.json;"
        f" printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS --pidfile=/run/other.pid"
        f" --config-file=/srv/d/daemon.json\\n' > {DROP_IN}; {RESTART}"
    ),
    "docker/buildx#191, the bridge has addresses of another network": Case(
        "ip link add lan1 type veth peer name lan2; ip link set lan1 up; ip link set lan2 up;"
        " ip address add 10.9.9.1/24 dev lan1; ip route add 172.17.4.0/24 via 10.9.9.2",
        told="docker0 has the addresses 172.17.0.0/16, and this host reaches 172.17.4.0/24 through lan1",
        unmake="ip link delete lan1",
    ),
    "geerlingguy/ansible-role-docker#442, systemd has not read a unit again": Case(
        f"printf '[Service]\\nEnvironment=A=1\\n' > {DROP_IN}", told="run `systemctl daemon-reload` first"
    ),
    "moby/moby#22092, a new data root hides a volume that no container uses": Case(
        "docker volume create theirs",
        frozenset({"would-hide"}),
        unmake="docker volume rm theirs",
        config={"daemon": {"data-root": "/srv/docker"}, "image_store": {"existing": "refuse"}},
    ),
    "the file system of daemon.json is full": Case(
        "mkdir -p /etc/docker; mount -t tmpfs -o size=4k full /etc/docker; echo {} > /etc/docker/daemon.json",
        frozenset({"not-writable"}),
        unmake="umount /etc/docker",
    ),
    "the file system of a home is full": Case(
        "mkdir -p /root/.docker; mount -t tmpfs -o size=8k full /root/.docker; cat /dev/zero > /root/.docker/x || true",
        frozenset({"not-writable", "builder-first"}),
        unmake="umount /root/.docker",
    ),
    "docker/for-win#6439, a login pins a version of the API that the engine refuses": Case(
        "cp -a /etc/environment /tmp/environment; echo DOCKER_API_VERSION=1.60 >> /etc/environment",
        told="DOCKER_API_VERSION=1.60 in /etc/environment: docker and buildx fail there",
        unmake="mv /tmp/environment /etc/environment",
    ),
    "docker/buildx#1578, docker cannot read a context": Case(
        "mkdir -p /root/.docker/contexts/meta/x; echo '{' > /root/.docker/contexts/meta/x/meta.json",
        frozenset({"broken-context", "builder-first"}),
        unmake="rm -r /root/.docker/contexts",
    ),
    "docker/for-mac#7191, a directory where buildx keeps a file": Case(
        "mkdir -p /root/.docker/buildx/current",
        frozenset({"wrong-kind", "builder-first"}),
        unmake="rm -r /root/.docker/buildx/current",
    ),
    "P6, another translator": Case(
        f"mkdir -p /opt/box; cp /usr/bin/qemu-aarch64 /opt/box/; {BOX}",
        frozenset({"foreign-translator"}),
        unmake=f"echo -1 > {TABLE}/box",
        config=EMULATED,
    ),
    "P13, the kernel would refuse a registration": Case(
        f"mount --bind {TABLE}/register {TABLE}/register; mount -o remount,bind,ro {TABLE}/register",
        frozenset({"register-refused"}),
        unmake=f"umount {TABLE}/register",
        config=EMULATED,
    ),
}

OLD = "moby/buildkit:v0.12.5"  # a name; the image is the one of the other tests
SLOW = "[Service]\nExecStartPre=/bin/sleep 20\n"
RESTARTED = """
import sys
sys.path.insert(0, "/usr/local/lib/provisioner")
from provisioner.daemon.restart import Restart
from provisioner.host import System
Restart("docker.service", "/var/run/docker.sock", 2).do(System("/", {}), print)
"""
# A program with more capabilities than its caller may ever have ends with EPERM, as one that fapolicyd refuses. With
# the C flag, the kernel would look at the emulated program instead.
FORBIDDEN = """\
python3 -c 'import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 1 << 22, 0, 0, 0))' $(
  sed -n "s/^interpreter //p" /proc/sys/fs/binfmt_misc/qemu-aarch64)
"""
TRUSTED = "/usr/local/share/ca-certificates"
BROKEN = f"""\
set -e
mkdir -p {TRUSTED}/more /etc/docker/certs.d/hub.example:5000
ln -s /nowhere {TRUSTED}/gone.crt
echo junk > {TRUSTED}/junk.crt
printf -- '-----BEGIN CERTIFICATE-----\\nMII=\\n-----END CERTIFICATE-----\\n' > {TRUSTED}/more/corp.crt
cd /etc/docker/certs.d
cp {TRUSTED}/more/corp.crt hub.example:5000/a.cert  # without a key
cp {TRUSTED}/more/corp.crt hub.example:5000/b.cert
ln -s /nowhere hub.example:5000/b.key
mkdir [fd00::1]:5000 a__b.example
cp {TRUSTED}/more/corp.crt [fd00::1]:5000/ca.crt
cp {TRUSTED}/more/corp.crt a__b.example/c.cert
printf -- '-----BEGIN PRIVATE KEY-----\\nMII=\\n-----END PRIVATE KEY-----\\n' > a__b.example/c.key
chmod 600 a__b.example/c.key
useradd --create-home --groups docker dev
"""
ODD = {
    "insecure-registries": ["http://old.example:5000", "10.1.0.0/16", "[fd00::2]:5000"],
    "dns-search": ["corp.example"],
}
UNABLE = ("systemd-run", "--quiet", "--pipe", "--wait", "--property=CapabilityBoundingSet=~CAP_SYS_BOOT")
UNMOUNTABLE = ("--property=SystemCallFilter=~fsopen", "--property=SystemCallErrorNumber=EPERM")
SNAP = """\
set -e
mkdir -p /snap/docker/current/usr/libexec/docker/cli-plugins /snap/bin /root/snap/docker/current/.docker
mv /usr/libexec/docker/cli-plugins/docker-buildx /snap/docker/current/usr/libexec/docker/cli-plugins/
mv /usr/bin/docker /opt/docker-cli
printf '#!/bin/sh\\nHOME=/root/snap/docker/current exec /opt/docker-cli "$@"\\n' > /snap/bin/docker
chmod 755 /snap/bin/docker
echo '{"cliPluginsExtraDirs": ["/snap/docker/current/usr/libexec/docker/cli-plugins"]}' \
  > /root/snap/docker/current/.docker/config.json
"""


CHROOT = """\
set -e
mkdir -p /srv/image/usr /srv/image/proc /srv/image/etc /srv/image/dev /srv/image/var /srv/image/run /srv/image/tmp
cd /srv/image
for name in bin sbin lib lib64; do ln -s usr/$name $name; done
for name in usr proc etc dev; do mount --rbind /$name $name; done
"""


# What a machine's administrator protects: root of a container may not undo it.
PROTECTED = (("+i", "/etc/docker"), ("+a", "/etc/docker"), ("+i", DAEMON_JSON), ("+a", DAEMON_JSON))
OWN_DISK = "mkdir -p /etc/docker; mount -t tmpfs own /etc/docker; echo {} > /etc/docker/daemon.json"
# buildkitd looks for emulators once, when it starts.
OWN_EMULATOR = f"docker cp /usr/bin/qemu-aarch64 {CONTAINER}:/usr/bin/buildkit-qemu-aarch64"
NO_EMULATOR = f"echo -1 > {TABLE}/qemu-aarch64"
BAD_EMULATOR = rf"echo ':qemu-aarch64:M::{ARM64}:{MASK}:/bin/false:F' > {TABLE}/register"


def made(host: Host, case: Case) -> Iterator[str]:
    """Make a case, and yield what is wrong about the plan for it."""
    host.sh(case.make, check=True)
    host.put(CONFIG, json.dumps({**START, **case.config}))
    planned = agent(host, "plan")
    if planned.status != 2 or code(planned) != case.codes:
        yield f"{planned.status}, {code(planned)}: {planned.stderr}"
    if case.told not in notes(planned):
        yield notes(planned)


def test_a_plan_says_what_people_found_out_later(boot: Boot) -> None:
    host = boot("forky", layers=LAYERS, agent=True, binfmt=True)
    host.sh(f"mkdir -p {DROP_IN.rpartition('/')[0]}", check=True)
    wrong = {}
    for name, case in CASES.items():
        if found := list(made(host, case)):
            wrong[name] = found
        host.sh(case.unmake, check=True)
    host.put(CONFIG, json.dumps(START))
    for flag, path in PROTECTED:
        host.sh(OWN_DISK, check=True)
        subprocess.run(("/usr/bin/chattr", flag, host.path(path)), check=True)
        planned = agent(host, "plan")
        if code(planned) != {"not-writable"}:
            wrong[f"{flag} {path}"] = [planned.stderr]
        host.sh("umount /etc/docker", check=True)
    assert not wrong
    # an image builder's chroot has the machine's own kernel, with its table
    host.put(CONFIG, json.dumps({**START, **EMULATED}))
    host.sh(CHROOT, check=True)
    inside = host.run("chroot", "/srv/image", "provisioner", "apply", "--only=emulators")
    assert inside.status == 5, inside.stderr
    assert "this is a chroot" in inside.stdout
    assert host.get(f"{TABLE}/qemu-aarch64") is None
    without = host.run("chroot", "/srv/image", "provisioner", "apply")
    assert (without.status, "apply --root DIR" in without.stderr) == (69, True), without.stderr
    # a container that shares the machine's processes (--pid=host) has mounts of its own, and may register emulators
    shared = host.run("unshare", "--mount", "chroot", "/srv/image", "provisioner", "plan", "--only=emulators")
    assert (shared.status, "chroot" in shared.stdout) == (2, False), shared.stdout


def test_an_apply_does_what_people_missed(boot: Boot) -> None:
    host = boot("forky", layers=LAYERS, agent=True, binfmt=True)
    # certificates that buildx would fail on, one that root alone may read, and settings that are odd
    host.sh(BROKEN, check=True)
    host.put(DAEMON_JSON, json.dumps(ODD))
    host.sh(RESTART, check=True)
    both = {"builder": {"users": ["root", "dev"]}}
    host.put(CONFIG, json.dumps({**START, **EMULATED, **both, "emulators": {"credentials": False}}))
    told = notes(agent(host, "plan"))
    assert told.count("the builder does not get it\n") == 5, told
    assert told.count("cannot be named in buildkitd.toml") == 2, told
    assert "insecure-registries 10.1.0.0/16" in told
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    toml = host.sh(f"docker cp {CONTAINER}:/etc/buildkit/buildkitd.toml - | tar xO", check=True).stdout
    assert "Space" in toml
    assert "certs/docker.io/corp.crt" in toml
    assert "old.example:5000" in toml
    assert "certs/a_b.example/c.key" in toml
    assert host.sh("ls /run/provisioner/lent").stdout == ""
    assert host.sh("grep -rlF 'PRIVATE KEY' /var/lib/provisioner").stdout == ""  # the journal
    assert agent(host, "check").status == 0
    assert agent(host, "check", user="dev").document["status"] == "unknown"  # root's folder, and nothing differs
    # BuildKit's image has emulators of its own, which say nothing about the host's
    host.sh(OWN_EMULATOR, check=True)
    for script in (NO_EMULATOR, BAD_EMULATOR):
        host.sh(f"{script} && docker restart {CONTAINER}", check=True)
        proven = agent(host, "prove")
        rows = {row["platform"]: (row["built"], row["indexed"], row["runs"]) for row in proven.document["platforms"]}
        assert rows == {"linux/amd64": (True, True, True), "linux/arm64": (True, True, False)}, proven.stderr
        assert (proven.status, proven.document["status"]) == (1, "not-proven")
    host.sh(NO_EMULATOR, check=True)
    assert agent(host, "apply").status == 0
    # X8, a policy refuses the emulator
    host.sh(FORBIDDEN, check=True)
    refused = host.run(*UNABLE, "provisioner", "check", "--only=emulators")
    assert refused.status == 2, refused.stderr
    assert "a policy of this host forbids to execute it" in refused.stdout
    # P10, an old BuildKit
    host.put(CONFIG, json.dumps({**START, "builder": {"driver_options": {"image": OLD}}}))
    host.sh(f"docker tag {BUILDKIT_IMAGE.name}:{BUILDKIT_IMAGE.tags[0]} {OLD}", check=True)
    assert f"{OLD} does not know limits of the cache" in notes(agent(host, "plan"))
    assert agent(host, "apply").status == 0
    toml = f"docker cp {CONTAINER}:/etc/buildkit/buildkitd.toml - | tar xO"
    assert "Space" not in host.sh(toml).stdout
    assert agent(host, "check").status == 0
    assert agent(host, "remove").status == 0
    # P5, an engine that is slow to start, for longer than was foreseen
    host.put(DROP_IN, SLOW)
    host.sh("systemctl daemon-reload", check=True)
    host.run("python3", "-I", "-c", RESTARTED, check=True)
    host.sh(CLEAN, check=True)
    # P2, docker of the snap, which has buildx and a home of its own
    host.sh(SNAP, check=True)
    host.put(CONFIG, json.dumps(START))
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert agent(host, "check").status == 0
    assert host.get("/root/snap/docker/current/.docker/buildx/instances/container-builder") is not None
    assert host.get("/root/.docker/buildx/instances/container-builder") is None
    # sysbox, whose container may not mount the table
    host.sh(f"umount {TABLE}", check=True)
    host.put(CONFIG, json.dumps({**START, **EMULATED}))
    unable = host.run(*UNABLE, *UNMOUNTABLE, "provisioner", "plan", "--only=emulators")
    assert "root may not mount binfmt_misc here" in unable.stdout, unable.stderr


TOO_NEW = f"""#!/bin/sh
case "$*" in *version*) echo 'github.com/docker/buildx v0.31.1 0';; *) exec {PLUGIN}.real "$@";; esac
"""


def test_a_buildx_that_is_too_new_for_the_engine_costs_the_builder_alone(boot: Boot) -> None:
    host = boot("bookworm", layers=("qemu", "buildx"), agent=True, binfmt=True)
    host.sh(f"mv {PLUGIN} {PLUGIN}.real", check=True)
    host.put(PLUGIN, TOO_NEW, 0o755)
    host.put(CONFIG, json.dumps({**START, **EMULATED}))
    before = started(host)
    done = agent(host, "apply")
    assert (done.status, "buildx-too-new" in code(done, "left")) == (5, True), done.stderr
    assert started(host) == before
