"""A clock that jumps, and a disk that is slow, fills up or becomes read-only, each during an apply."""

import pytest

from tests.conftest import Machines
from tests.helpers.booted import agent, portrait
from tests.machines import Machine

# Root may use the reserved blocks, too, so files are added until not even 4 KB are left.
FILL = """\
n=0
for size in 1G 100M 10M 1M 100K 4K; do
    while fallocate -l $size /srv/fill.$n 2>/dev/null; do n=$((n + 1)); done
done
rm -f /srv/fill.$n
"""
JUMP = "while :; do date --set '3 days ago'; sleep 2; date --set 'next week'; sleep 2; done"
SLOW = {"bps": 4_000_000, "bps_rd": 0, "bps_wr": 0, "iops": 0, "iops_rd": 0, "iops_wr": 0}
FREE = dict.fromkeys(SLOW, 0)
ONLY = ("--only=image-store", "--only=emulators")  # what needs no pull


def begun(machine: Machine, number: int) -> None:
    """Wait until an apply has written the first step of its journal."""
    path = f"/var/lib/provisioner/receipts/{number:06}.jsonl"
    machine.wait("the journal", lambda: b'"event": "step"' in (machine.get(path) or b""))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_jumping_clock_and_a_slow_or_full_or_read_only_disk_end_as_the_design_says(machines: Machines) -> None:
    machine = machines("trixie", agent=True)
    before = portrait(machine)

    clock = machine.start("sh", "-c", JUMP)
    jumped = agent(machine, "apply", *ONLY)
    clock.send_signal(9)
    assert jumped.status == 0, jumped.stderr
    assert agent(machine, "check", *ONLY).status == 0
    assert agent(machine, "rollback").status == 0
    assert portrait(machine) == before

    machine.ask("block_set_io_throttle", id="vd0", **SLOW)
    slow = agent(machine, "apply", *ONLY)
    machine.ask("block_set_io_throttle", id="vd0", **FREE)
    assert slow.status == 0, slow.stderr
    assert agent(machine, "rollback").status == 0

    applying = machine.start("provisioner", "apply", *ONLY)
    begun(machine, 3)
    machine.sh(FILL, check=True)
    output = applying.communicate(600)[1].decode()
    print(f"a disk that fills: {applying.returncode}: {output[-400:]}")
    assert applying.returncode in (0, 3), output
    machine.sh("rm -f /srv/fill.*; sync", check=True)
    if applying.returncode == 3:
        assert portrait(machine) == before
    machine.sh(FILL, check=True)
    full = agent(machine, "apply", *ONLY)
    machine.sh("rm -f /srv/fill.*; sync", check=True)
    print(f"a disk that was full before: {full.status}: {full.stderr[-400:]}")
    assert full.status in ((0,) if applying.returncode == 0 else (1, 3)), full.stderr
    agent(machine, "rollback")
    assert portrait(machine) == before

    machine.sh("echo u >/proc/sysrq-trigger", check=True)  # as the kernel does after an error of the disk
    machine.wait("a read-only root", lambda: machine.sh("touch /srv/x").status != 0)
    closed = agent(machine, "apply", *ONLY)
    print(f"a read-only disk: {closed.status}: {closed.stderr[-400:]}")
    assert closed.status == 1, closed.stderr
    assert "ead-only" in closed.stderr
    machine.cut()
    machine.boot()
    assert agent(machine, "apply", *ONLY).status == 0
