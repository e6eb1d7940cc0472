"""Two engines of root's on one host, Debian's and one laid out as the snap's: each has its own file, and keeps it.

The second engine is a real dockerd; what stands in is the program ``snap``, which knows ``run`` and ``restart``.
"""

import json

import pytest

from tests.conftest import Boot
from tests.helpers.booted import DAEMON_JSON, LAYERS, agent, differences, started
from tests.hosts import Host

pytestmark = pytest.mark.host
SOCKET = "/var/snap/docker/common/run/docker.sock"
SNAP_JSON = "/var/snap/docker/current/config/daemon.json"
CONFIG = "/etc/provisioner/provisioner.yaml"
OURS = b'{\n\t"debug": true\n}'
THEIRS = b'{ "log-level": "info" }\n'
UNIT = "[Service]\nExecStart=/usr/bin/snap run docker.dockerd\nRestart=always\n"
SNAP = """\
#!/bin/sh
common=/var/snap/docker/common
case "$*" in
    "run docker.dockerd")
        exec /snap/docker/current/bin/dockerd --host=unix://$common/run/docker.sock --pidfile=$common/run/docker.pid \\
            --data-root=$common/var-lib-docker --exec-root=$common/run/docker --bridge=snap0 \\
            --config-file=/var/snap/docker/current/config/daemon.json --registry-mirror=http://127.0.0.1:5000 \\
            --containerd-namespace=snap --containerd-plugins-namespace=snap-plugins ;;
    "restart docker.dockerd") exec systemctl restart snap.docker.dockerd.service ;;
    *) echo "a stand-in for snap knows no $*" >&2; exit 1 ;;
esac
"""
LAYOUT = """\
mkdir -p /home/snap /var/snap/docker/common /var/snap/docker/100/config /snap/docker/current/bin /var/lib/snapd
mount --bind /home/snap /var/snap/docker/common  # an overlay cannot lie on an overlay
mkdir -p /var/snap/docker/common/run
ln -s 100 /var/snap/docker/current
ln -s /usr/sbin/dockerd /snap/docker/current/bin/dockerd
ip link add snap0 type bridge && ip address add 172.30.0.1/16 dev snap0 && ip link set snap0 up
"""


def two(boot: Boot) -> Host:
    """The host, both engines running with the classic store."""
    files: dict[str, str | bytes] = {
        "/usr/bin/snap": SNAP,
        "/etc/systemd/system/snap.docker.dockerd.service": UNIT,
        DAEMON_JSON: OURS,
    }
    host = boot("trixie", layers=LAYERS, agent=True, files=files, binfmt=True)
    host.sh(LAYOUT, check=True)
    host.put(SNAP_JSON, THEIRS)
    host.sh("chmod 755 /usr/bin/snap && systemctl daemon-reload && systemctl start snap.docker.dockerd", check=True)
    host.wait("the second engine", lambda: host.sh(f"docker -H unix://{SOCKET} info").status == 0)
    return host


def drivers(host: Host) -> list[str]:
    """The stores in effect, Debian's engine first."""
    ask = "docker -H unix://{} info --format '{{{{.Driver}}}}'"
    return host.sh(f"{ask.format('/run/docker.sock')}; {ask.format(SOCKET)}", check=True).stdout.split()


def snapped(host: Host) -> str:
    """Changes whenever the second engine is started anew."""
    return host.sh("systemctl show snap.docker.dockerd -p InvocationID --value", check=True).stdout.strip()


def test_of_two_engines_the_right_file_is_edited_and_the_other_s_bytes_stay(boot: Boot) -> None:
    host = two(boot)
    host.sh("echo ':WSLInterop:M::MZ::/usr/bin/true:P' >/proc/sys/fs/binfmt_misc/register", check=True)
    table = host.sh("cat /proc/sys/fs/binfmt_misc/WSLInterop", check=True).stdout
    debians, snaps = started(host), snapped(host)
    engines = agent(host, "detect").document["engines"]
    assert (engines[0]["counts"], engines[0]["address"]) == (True, "unix:///var/run/docker.sock")
    assert engines[0]["version"].startswith("26.1")
    snap = next(e for e in engines if e["address"] == f"unix://{SOCKET}")
    assert (snap["title"], snap["ours"]) == ("Engine, snap", True)

    first = agent(host, "apply", f"--host=unix://{SOCKET}", "--only=image-store")
    assert first.status == 0, first.stderr
    assert json.loads(host.get(SNAP_JSON) or b"") == {
        "log-level": "info",
        "features": {"containerd-snapshotter": True},
    }
    assert (host.get(DAEMON_JSON), started(host), drivers(host)) == (OURS, debians, ["overlay2", "overlayfs"])
    assert snapped(host) != snaps
    edited, snaps = host.get(SNAP_JSON), snapped(host)

    assert agent(host, "apply", "--only=image-store").status == 0
    assert (host.get(SNAP_JSON), snapped(host), drivers(host)) == (edited, snaps, ["overlayfs", "overlayfs"])
    assert json.loads(host.get(DAEMON_JSON) or b"")["features"] == {"containerd-snapshotter": True}

    undone = agent(host, "rollback", "1")
    assert (undone.status, undone.document["undone"]) == (0, [2, 1]), undone.stderr
    assert (host.get(DAEMON_JSON), host.get(SNAP_JSON), drivers(host)) == (OURS, THEIRS, ["overlay2", "overlay2"])

    host.put(CONFIG, "engine: all\n")
    assert agent(host, "check").status == 2
    every = agent(host, "apply")
    assert every.status == 0, every.stderr
    assert [e["endpoint"] for e in every.document["engines"]] == ["unix:///var/run/docker.sock", f"unix://{SOCKET}"]
    assert all(p["runs"] for e in every.document["engines"] for p in e["proof"]["platforms"])
    checked = agent(host, "check")
    assert checked.status == 0, differences(checked)
    names = host.sh(f"docker ps --format '{{{{.Names}}}}'; docker -H unix://{SOCKET} ps --format '{{{{.Names}}}}'")
    assert names.stdout.split() == ["buildx_buildkit_container-builder0", "buildx_buildkit_container-builder-snap0"]
    assert host.sh("cat /proc/sys/fs/binfmt_misc/WSLInterop", check=True).stdout == table
    assert agent(host, "rollback", "3").status == 0
    assert (host.get(DAEMON_JSON), host.get(SNAP_JSON), drivers(host)) == (OURS, THEIRS, ["overlay2", "overlay2"])

    # the engine that was started last has taken docker's own socket
    host.sh(f"systemctl stop docker.socket docker; rm -f /run/docker.sock; ln -s {SOCKET} /run/docker.sock", check=True)
    host.put(CONFIG, "platforms: [amd64]\n")
    [raced] = [c for c in agent(host, "plan").document["changes"] if c["resource"] == "image store"]
    assert any(SNAP_JSON in step["does"] for step in raced["steps"])
    assert not any(DAEMON_JSON in step["does"] for step in raced["steps"])
