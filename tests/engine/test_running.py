"""The running daemon: its process, its flags, what a sandbox hides, and the proxies in its environment."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.config.desired import Desired
from provisioner.daemon import observed as daemon_observed
from provisioner.daemon import wanted as daemon_wanted
from provisioner.engine import ownership, registries, running
from provisioner.engine.info import engine as answered
from provisioner.engine.kinds import Layout
from provisioner.host import System
from provisioner.image.engine import HERE, bare
from provisioner.image_store import observed
from provisioner.image_store.wanted import CONFIGURED, IN_EFFECT
from provisioner.model import Unknown
from tests.helpers.recorded import engine

INFO = {"ServerVersion": "28.5.2", "Driver": "overlay2", "OSType": "linux", "DockerRootDir": "/home/docker"}
UNIT = "[Service]\nEnvironmentFile=-/etc/default/docker\nExecStart=/usr/bin/dockerd -H fd:// $DOCKER_OPTS\n"


def tree(root: Path, **files: str) -> System:
    for path, text in files.items():
        where = root / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)
    return System(str(root), {})


def sandboxed(root: Path, *, systemd: bool) -> System:
    """Return a host that hides other users' processes from this user."""
    host = tree(
        root, **{"proc/self/stat": "", "var/run/docker.pid": "7\n", "usr/lib/systemd/system/docker.service": UNIT}
    )
    if systemd:
        (root / "run/systemd/system").mkdir(parents=True)
    host.uid = 1000
    return host


def test_the_only_dockerd_is_found_without_its_pid_file(tmp_path: Path) -> None:
    host = tree(tmp_path, **{"proc/9/cmdline": "/usr/bin/dockerd\0--debug\0", "proc/9/status": "Uid:\t0\n"})
    (tmp_path / "proc/self").mkdir()
    assert running.daemon(host, Layout()) == 9
    assert running.daemon_flags(host, Layout()) == ("--debug",)


def test_the_unit_s_files_say_how_a_daemon_is_started_that_a_sandbox_hides(tmp_path: Path) -> None:
    host = sandboxed(tmp_path, systemd=True)
    assert running.flags_of(host, Layout(), 7) == (("-H", "fd://"), "")
    tree(tmp_path, **{"etc/default/docker": 'DOCKER_OPTS="--config-file=/srv/d.json"\n'})
    assert running.flags_of(host, Layout(), 7) == (("-H", "fd://", "--config-file=/srv/d.json"), "")
    drop_in = "[Service]\nExecStart=\nExecStart=-/x/dockerd -D $A ${B}\nEnvironment=A=old 'B=a b'\n"
    tree(tmp_path, **{"etc/systemd/system/docker.service.d/x.conf": drop_in})
    assert running.flags_of(host, Layout(), 7) == (("-D", "old", "a b"), "")
    tree(tmp_path, **{"etc/systemd/system/docker.service.d/y.conf": 'Environment=\nEnvironment="A=-s vfs"\n'})
    assert running.flags_of(host, Layout(), 7) == (("-D", "-s", "vfs", ""), "")
    tree(tmp_path, **{"etc/systemd/system/docker.service.d/z.conf": "EnvironmentFile=\nExecStart=/x/wrapper dockerd\n"})
    assert running.flags_of(host, Layout(), 7) == ((), running.HIDDEN)
    tree(tmp_path, **{"etc/systemd/system/docker.service.d/z.conf": "EnvironmentFile=/etc/secret\n"})
    (tmp_path / "etc/secret").symlink_to("/etc/passwd")  # which this tree may not lead to
    assert running.flags_of(host, Layout(), 7) == ((), running.HIDDEN)


def test_what_a_sandbox_hides_is_unknown_not_absent(tmp_path: Path) -> None:
    host = sandboxed(tmp_path, systemd=False)
    flags, unseen = running.flags_of(host, Layout(), 7)
    assert (flags, unseen) == ((), running.HIDDEN)
    facts = bare(host)._replace(engine=answered(INFO, HERE), unseen=unseen)
    assert isinstance(observed.have(host, facts, {IN_EFFECT: "containerd", CONFIGURED: True})[CONFIGURED], Unknown)
    asked = daemon_wanted.want(Desired(daemon={"debug": True}), facts)
    assert isinstance(daemon_observed.have(host, facts, asked)["debug"], Unknown)


def test_a_data_root_that_a_sandbox_hides_makes_no_stranger_of_the_engine(tmp_path: Path) -> None:
    kernel = "6.1.0-test"
    files = {"proc/sys/kernel/osrelease": kernel, "var/run/docker.pid": "7", "proc/7/cmdline": "/usr/bin/dockerd\0"}
    host = tree(tmp_path, **files)
    host.uid = 0
    with engine(tmp_path / "var/run/docker.sock", {"/info": {**INFO, "KernelVersion": kernel}}):
        assert ownership.asked(host, HERE).kind == "engine"
        (tmp_path / "proc/7/cmdline").write_text("sleep\x001")
        assert ownership.asked(host, HERE).kind == "elsewhere"


PROXY, MASKED = "http://me:secret@proxy:3128", "http://xxxxx:xxxxx@proxy:3128"


@pytest.mark.parametrize(
    ("info", "environ", "file", "proxies"),
    [
        ({"HttpsProxy": "http://proxy:3128"}, "", "{}", {"https_proxy": "http://proxy:3128"}),
        ({"HttpsProxy": MASKED}, f"HTTPS_PROXY={PROXY}\0HOME=/\0", "{}", {"https_proxy": PROXY}),
        ({"HttpsProxy": MASKED}, "", json.dumps({"proxies": {"https-proxy": PROXY}}), {"https_proxy": PROXY}),
        ({}, "", '{"proxies": {"no-proxy": "localhost"}}', {"no_proxy": "localhost"}),  # /info reports none before 23
        ({"HttpsProxy": MASKED}, "", "{}", {}),
    ],
)
def test_the_proxies_in_effect_are_found_wherever_they_were_configured(
    tmp_path: Path, info: dict[str, Any], environ: str, file: str, proxies: dict[str, str]
) -> None:
    host = tree(tmp_path, **{"etc/docker/daemon.json": file, "proc/7/environ": environ})
    found = registries.gather(host, answered({**INFO, **info}, HERE), "/etc/docker/daemon.json", 7)
    assert found.proxies == proxies
    assert bool(found.unseen) is (not proxies)
