"""What a sandbox or a container's manager hides is unknown, never absent: the shipped units, and a closed table."""

import json

import pytest

from tests.conftest import Boot
from tests.helpers.booted import DAEMON_JSON, agent, store

pytestmark = pytest.mark.host
DROP_IN = "/etc/systemd/system/docker.service.d/flags.conf"
OTHER = "/srv/docker/daemon.json"
TABLE = "/proc/sys/fs/binfmt_misc"
CONFIG = "platforms: [linux/amd64]\nbuilder: {driver: docker}\n"
RECORD = "/var/lib/provisioner-check/check.json"


def test_the_hourly_check_finds_the_file_that_dockerd_reads_by_a_flag(boot: Boot) -> None:
    unit = f"[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// --config-file={OTHER}\n"
    files = {DROP_IN: unit, OTHER: '{"features": {"containerd-snapshotter": true}}'}
    host = boot("forky", agent=True, files=files)
    assert agent(host, "check", "--only=image-store").status == 0
    host.run("systemctl", "start", "provisioner-check", check=True)
    record = json.loads(host.get(RECORD) or b"{}")
    assert [d for d in record["differences"] if d["resource"] == "image store"] == []


def test_the_apply_at_boot_knows_an_engine_whose_data_lies_below_home(boot: Boot) -> None:
    files = {
        DAEMON_JSON: '{"data-root": "/home/docker"}',
        "/etc/provisioner/provisioner.yaml": "platforms: [linux/amd64]\n",
    }
    host = boot("forky", agent=True, files=files)
    host.run("systemctl", "start", "provisioner-apply", timeout=200)
    said = host.journal("provisioner-apply")
    assert "runs elsewhere" not in said
    assert "io.containerd.snapshotter.v1" in store(host), said


def test_a_table_that_even_root_may_not_look_into_blocks_the_emulators_alone(boot: Boot) -> None:
    host = boot("forky", agent=True)
    closed = f"mount -t tmpfs -o mode=0700,uid=12345,gid=12345 t {TABLE} && exec unshare -Ur provisioner"
    checked = host.sh(f"unshare -m sh -c '{closed} check --only emulators'")
    assert checked.status == 2, checked.stderr
    planned = host.sh(f"unshare -m sh -c '{closed} plan --only emulators --format json'")
    assert "the manager of this container does not let it use binfmt_misc" in planned.stdout
    assert "run as root" not in planned.stderr
