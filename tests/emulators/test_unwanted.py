"""A platform that leaves the configuration is a difference, and leaves the host: its entry, its file, nothing else."""

import json
from collections.abc import Iterator

import pytest

from provisioner.platforms import table
from tests.helpers.private import TABLE, PrivateHost, private_host
from tests.platforms.test_probes_run import qemu

RISCV, S390 = table.of("riscv64"), table.of("s390x")
THEIRS = "/etc/binfmt.d/qemu-s390x.conf"


@pytest.fixture
def host() -> Iterator[PrivateHost]:
    with private_host((qemu(RISCV), qemu(S390))) as made:
        made.sh("mkdir -p /run/openrc /etc/runlevels/boot; touch /etc/runlevels/boot/binfmt")  # reads binfmt.d at boot
        yield made


def configure(host: PrivateHost, *platforms: str, **more: object) -> None:
    emulators = {"source": "directory", "directory": "/opt/qemu"}
    text = json.dumps({"platforms": ["amd64", *platforms], "emulators": emulators, **more})
    host.run("sh", "-c", "mkdir -p /etc/provisioner; cat >/etc/provisioner/provisioner.yaml", text=text)


def run(host: PrivateHost, *command: str) -> tuple[int, dict[str, str]]:
    """The exit status of a command, and what differs."""
    status, document, stderr = host.agent(*command, "--only=emulators")
    assert document, stderr
    rows = document.get("differences") or [d for c in document.get("changes") or () for d in c["differences"]]
    return status, {row["key"]: row["have"] for row in rows}


def test_it_is_named_removed_and_given_back(host: PrivateHost) -> None:
    configure(host, "riscv64", "s390x")
    assert run(host, "apply")[0] == 0
    both = host.entries()
    configure(host, "riscv64", keep=["platforms"])
    assert run(host, "check") == (0, {})
    assert "linux/s390x (keep: platforms)" in str(host.agent("plan", "--only=emulators")[1]["notes"])
    configure(host, "riscv64")
    gone = {"linux/s390x": "registered by provisioner"}
    assert run(host, "check") == run(host, "plan") == (2, gone)
    assert run(host, "apply") == (0, gone)
    assert run(host, "apply") == (0, {})
    assert run(host, "check") == (0, {})
    assert "[qemu-s390x]" not in host.entries()
    assert host.sh("ls /etc/binfmt.d").split() == ["zz-provisioner-riscv64.conf"]
    assert host.agent("rollback")[0] == 0
    assert host.entries() == both
    configure(host, "riscv64", "s390x")
    assert run(host, "check") == (0, {})


def test_the_rule_below_ours_counts_again_at_once(host: PrivateHost) -> None:
    configure(host, "riscv64", "s390x")
    assert run(host, "apply")[0] == 0
    host.sh(f"cp /etc/binfmt.d/zz-provisioner-s390x.conf {THEIRS}; cp /opt/qemu/qemu-s390x /opt/theirs")
    host.sh(f"sed -i s,/opt/qemu/qemu-s390x,/opt/theirs, {THEIRS}")
    configure(host, "riscv64")
    assert run(host, "apply")[0] == 0
    assert "interpreter /opt/theirs\n" in host.sh(f"cat {TABLE}/qemu-s390x")
    assert run(host, "check") == (0, {})


def test_without_its_history_it_is_still_known_as_ours(host: PrivateHost) -> None:
    configure(host, "riscv64", "s390x")
    assert run(host, "apply")[0] == 0
    host.sh("rm -rf /var/lib/provisioner")
    configure(host, "riscv64")
    assert run(host, "apply") == (0, {"linux/s390x": "registered by provisioner"})
    host.sh("rm -rf /var/lib/provisioner")
    assert host.agent("remove")[0] == 0
    assert "qemu-" not in host.entries()
    assert host.agent("remove")[1]["things"] == []


def test_a_file_with_our_prefix_and_another_name_is_not_ours(host: PrivateHost) -> None:
    configure(host, "riscv64")
    assert run(host, "apply")[0] == 0
    host.sh("cp /etc/binfmt.d/zz-provisioner-riscv64.conf /etc/binfmt.d/zz-provisioner-mine.conf")
    assert run(host, "check") == (0, {})
