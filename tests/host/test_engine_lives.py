"""Engines have lives, too: upgraded, downgraded, moved, replaced. After each, check tells the truth, apply converges.

The programs of several Debian releases, and of Engine 29, lie on one host in /opt/engine; an upgrade puts them in place
as a package does, with the engine stopped or running meanwhile. ``remove`` ends each life. Each act prints a row.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent, differences, portrait, store
from tests.host.test_two_daemons import SNAP_JSON, two
from tests.host.test_two_daemons import SOCKET as SNAP_SOCKET
from tests.hosts import Host, parts
from tests.hosts import agent as checkout

pytestmark = [pytest.mark.host, pytest.mark.timeout(1200)]
CONFIG = "/etc/provisioner/provisioner.yaml"
START = {"image_store": {"existing": "hide"}, "restart": "always"}
PLUGINS = "usr/libexec/docker/cli-plugins"
ENGINE = ("usr/sbin/dockerd", "usr/sbin/docker-proxy")
CONTAINERD = ("usr/bin/containerd", "usr/bin/containerd-shim-runc-v2", "usr/bin/ctr")
BUILDX = (f"{PLUGINS}/docker-buildx",)
# Each version with the folder that has its programs, and which they are.
VERSIONS: dict[str, tuple[Callable[[], Path], tuple[str, ...]]] = {
    "engine 26.1": (lambda: parts.tree("trixie"), ENGINE),
    "engine 28.5": (lambda: parts.tree("forky"), ENGINE),
    "engine 29.9": (parts.dockerd, ENGINE),
    "containerd 1.7": (lambda: parts.tree("trixie"), CONTAINERD),
    "containerd 2.1": (lambda: parts.tree("forky"), CONTAINERD),
    "buildx 0.13": (lambda: parts.tree("trixie"), BUILDX),
    "buildx 0.29": (lambda: parts.tree("forky"), BUILDX),
    "buildx 0.38": (parts.buildx, BUILDX),
}
PUT = "cp --remove-destination /opt/engine/{}/{} /{}"


def programs(folder: Path) -> Path:
    """A layer with the programs of every version, as further names of the cache's files where that is possible."""
    for version, (source, paths) in VERSIONS.items():
        for path in paths:
            there = folder / "opt/engine" / version.replace(" ", "-") / path
            there.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source() / path, there)
            except OSError:
                shutil.copy2(source() / path, there)
    return folder


def put(host: Host, *versions: str, stopped: bool = True) -> None:
    """Put programs in place as an upgrade does, and start them."""
    units = "docker.socket docker.service containerd.service"
    copies = [PUT.format(v.replace(" ", "-"), path, path) for v in versions for path in VERSIONS[v][1]]
    before = f"systemctl stop {units}; " if stopped else ""
    started = "systemctl reset-failed; systemctl restart containerd docker.socket docker"
    host.sh(f"{before}{' && '.join(copies)} && {started}", check=True)
    host.wait("the engine", lambda: host.run("docker", "info").status == 0)


def settled(host: Host, what: str, *args: str, user: str = "root", expected: int = 0) -> set[str]:
    """Check, plan and apply agree on what differs; the apply converges, and the proof holds. Return what differed."""
    checked, planned = agent(host, "check", *args, user=user), agent(host, "plan", *args, user=user)
    told = {f"{c['resource']}: {d['key']}" for c in planned.document["changes"] for d in c["differences"]}
    assert differences(checked) <= told
    assert told - differences(checked) <= {"builder: container"}  # a plan foresees what its switch of the store hides
    began = time.monotonic()
    done = agent(host, "apply", *args, user=user)
    seconds = time.monotonic() - began
    assert done.status == expected, (what, done.stderr)
    again = agent(host, "apply", *args, user=user)
    assert (again.status, again.document["changed"]) == (expected, False), (what, again.document)
    if not expected:
        assert agent(host, "check", *args, user=user).status == 0, what
        assert agent(host, "prove", *args, user=user).status == 0, what
    version = checked.document["engine"]["version"]
    restarted = "yes" if any(s["phase"] == "restart" for c in done.document["changes"] for s in c["steps"]) else "no"
    print(f"| {what} | {version} | {', '.join(sorted(told)) or 'in sync'} | {restarted} | {seconds:.0f} s |")
    return told


def ended(host: Host, before: dict[str, object], *, but: tuple[str, ...] = ()) -> None:
    """Remove, and compare with the host before us. ``but`` names what the life itself has changed."""
    removed = agent(host, "remove")
    assert removed.status == 0, removed.stderr
    now = portrait(host)
    for kept in (now, before):
        kept["store"] = str(kept["store"]).split()[0]  # the rest are words that change with the engine's version
        if "daemon.json" in but:
            kept["files"] = [line for line in str(kept["files"]).splitlines() if "daemon.json" not in line]
    assert {k: v for k, v in now.items() if k not in but} == {k: v for k, v in before.items() if k not in but}
    assert agent(host, "remove").document["things"] == []


def aged(boot: Boot, tmp_path: Path, *versions: str) -> tuple[Host, dict[str, object]]:
    """A host of forky that starts its life with older programs."""
    host = boot("forky", layers=(*LAYERS, programs(tmp_path / "programs")), agent=True)
    put(host, *versions)
    host.put(CONFIG, json.dumps(START))
    return host, portrait(host)


def test_an_engine_is_upgraded_in_place_twice_and_containerd_and_buildx_with_it(boot: Boot, tmp_path: Path) -> None:
    host, before = aged(boot, tmp_path, "engine 26.1", "containerd 1.7", "buildx 0.13")
    settled(host, "new host")
    put(host, "engine 28.5", "containerd 2.1", "buildx 0.29", stopped=False)
    settled(host, "26.1 to 28.5, containerd 2.1, buildx 0.29, while it runs")
    put(host, "engine 29.9", "buildx 0.38")
    settled(host, "28.5 to 29.9, buildx 0.38, with a stop")
    ended(host, before)
    assert "overlay2" in store(host)


LIVES: dict[str, tuple[tuple[str, ...], tuple[tuple[bool, tuple[str, ...]], ...]]] = {
    "26.1 to 28.5 with a stop, to 29.9 while it runs": (
        ("engine 26.1", "containerd 1.7", "buildx 0.13"),
        ((True, ("engine 28.5",)), (False, ("engine 29.9",)), (True, ("containerd 2.1",)), (False, ("buildx 0.38",))),
    ),
    "downgraded from 29.9 to 28.5 to 26.1": (
        ("engine 29.9", "containerd 2.1", "buildx 0.38"),
        ((True, ("engine 28.5",)), (False, ("engine 26.1",)), (True, ("buildx 0.13",)), (True, ("buildx 0.29",))),
    ),
}


@pytest.mark.soak
@pytest.mark.parametrize("life", LIVES)
def test_an_engine_goes_up_and_down(boot: Boot, tmp_path: Path, life: str) -> None:
    first, acts = LIVES[life]
    host, before = aged(boot, tmp_path, *first)
    settled(host, f"new host, {', '.join(first)}")
    for stopped, versions in acts:
        put(host, *versions, stopped=stopped)
        settled(host, f"{', '.join(versions)}, {'with a stop' if stopped else 'while it runs'}")
    ended(host, before, but=("store",))


@pytest.mark.soak
@pytest.mark.parametrize("copied", [True, False], ids=["with its data", "without its data"])
def test_the_data_root_moves(boot: Boot, copied: bool) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.put(CONFIG, json.dumps(START))
    before = portrait(host)
    settled(host, "new host")
    data = "cp -a /var/lib/docker /home/data" if copied else "mkdir /home/data"
    edit = 'd["data-root"]="/home/data"; json.dump(d, open("/etc/docker/daemon.json", "w"))'
    script = f"import json; d=json.load(open('/etc/docker/daemon.json')); {edit}"
    host.sh("systemctl stop docker.socket docker", check=True)
    host.sh(data, check=True)
    host.run("python3", "-c", script, check=True)
    host.sh("systemctl start docker", check=True)
    settled(host, f"data root moved {'with' if copied else 'without'} its data")
    ended(host, before, but=("daemon.json",))
    assert json.loads(host.get("/etc/docker/daemon.json") or b"") == {"data-root": "/home/data"}


@pytest.mark.soak
def test_the_snap_is_replaced_by_the_package(boot: Boot) -> None:
    host = two(boot)
    host.put(CONFIG, json.dumps(START))
    host.sh("systemctl stop docker.socket docker", check=True)
    before = portrait_of(host, SNAP_SOCKET)
    settled(host, "the snap", f"--host=unix://{SNAP_SOCKET}")
    assert portrait_of(host, SNAP_SOCKET) != before
    host.sh("systemctl disable --now snap.docker.dockerd; rm -rf /snap; systemctl start docker", check=True)
    host.wait("the engine", lambda: host.run("docker", "info").status == 0)
    settled(host, "the snap replaced by the package")
    removed = agent(host, "remove")
    assert removed.status == 0, removed.stderr
    assert "features" not in (host.get(SNAP_JSON) or b"").decode()
    assert "overlay2" in store(host)
    assert host.sh("docker ps -aq; docker volume ls -q; ls /etc/binfmt.d").stdout == ""


def portrait_of(host: Host, socket: str) -> str:
    return host.sh(f"docker -H unix://{socket} info --format '{{{{.Driver}}}}'", check=True).stdout


@pytest.mark.soak
def test_root_s_engine_is_replaced_by_a_rootless_one(boot: Boot) -> None:
    from tests.host.test_rootless import SOCKET, rootless

    host = rootless(boot)
    host.put(CONFIG, json.dumps(START))
    before = portrait(host)
    settled(host, "root's engine")
    host.sh("systemctl disable --now docker.socket docker", check=True)
    assert agent(host, "check", "--only=emulators").status == 0
    assert agent(host, "check").status == 69
    settled(host, "root's engine replaced by a rootless one", user="dev")
    undone = agent(host, "remove", user="dev")
    assert undone.status == 0, undone.stderr
    assert "overlay2" in host.run("docker", "-H", f"unix://{SOCKET}", "info", user="dev").stdout
    removed = agent(host, "remove")
    assert removed.status == 0, removed.stderr
    host.sh("systemctl enable --now docker.socket docker", check=True)
    name = "buildx_buildkit_container-builder0"
    host.sh(f"docker rm -f {name}; docker volume rm -f {name}_state")
    assert portrait(host) == before


@pytest.mark.soak
def test_a_desktop_comes_beside_an_engine(boot: Boot) -> None:
    from tests.host.test_desktop import desktop

    host = desktop(boot)
    host.put(CONFIG, json.dumps({**START, "builder": {"users": ["root"]}}))
    before = portrait(host)
    settled(host, "the engine, beside a Desktop")
    host.put("/home/dev/.config/provisioner/provisioner.yaml", json.dumps(START))
    settled(host, "the Desktop, beside an engine", user="dev")
    assert agent(host, "check").status == 0
    assert agent(host, "remove", user="dev").status == 0
    assert agent(host, "check").status == 0
    ended(host, before)


MOVED = (
    "etc/provisioner etc/docker etc/binfmt.d var/lib/provisioner var/lib/provisioner-check root/.docker "
    "usr/local/lib/provisioner/qemu"
)


@pytest.mark.soak
def test_the_distribution_is_upgraded_below_the_agent(boot: Boot) -> None:
    """Debian 12 becomes 13 on a clone: the state and Docker's data are those of the old host, Python is a newer one."""
    old = boot("bookworm", layers=("qemu", "buildx", checkout.layer("bookworm")))
    old.put(CONFIG, json.dumps(START))
    settled(old, "Debian 12", expected=5)
    old.sh("systemctl stop docker.socket docker containerd", check=True)
    old.sh("rm -f /etc/docker/key.json", check=True)  # the old engine's own; the new one has none
    new = boot("trixie", layers=(*LAYERS, checkout.layer("bookworm")))
    before = portrait(new)
    new.sh("systemctl stop docker.socket docker containerd", check=True)
    for folder, archive in archives(old):
        new.run("tar", "-x", "-C", folder, input=archive, check=True, timeout=240)
    new.reboot()
    new.wait("the engine", lambda: new.run("docker", "info").status == 0)
    settled(new, "Debian 12 upgraded to 13, Python 3.11 to 3.13, engine 20.10 to 26.1")
    ended(new, before)


def archives(host: Host) -> Iterator[tuple[str, bytes]]:
    """What an upgrade of the distribution leaves as it is."""
    for folder, names in (("/", MOVED), ("/var/lib/docker", "."), ("/var/lib/containerd", ".")):
        script = f"tar -c -C {folder} $(cd {folder} && ls -d {names} 2>/dev/null)"
        packed = host.start("sh", "-c", script)
        yield folder, packed.communicate(timeout=240)[0]
