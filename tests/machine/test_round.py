"""The whole round on machines with kernels of their own: old kernels, other file systems, another CPU."""

import pytest

from tests.conftest import Machines
from tests.helpers.booted import agent, portrait
from tests.machines import Machine
from tests.machines.recipes import MACHINES

LONG = pytest.mark.timeout(3600)


def seconds(machine: Machine) -> float:
    """Return the machine's uptime in seconds."""
    return float(machine.run("cat", "/proc/uptime").stdout.split()[0])


def round_trip(machine: Machine) -> None:
    """Detect, plan, apply, check, prove, reboot, check, prove, rollback."""
    before = portrait(machine)
    assert agent(machine, "detect").status == 0
    assert agent(machine, "plan").document["changes"]
    applied = agent(machine, "apply")
    assert applied.status == 0, applied.stderr
    assert applied.document["changed"]
    assert agent(machine, "check").status == 0
    machine.reboot()
    checked = agent(machine, "check")
    assert checked.status == 0, checked.document
    proven = agent(machine, "prove")
    assert proven.status == 0, proven.stderr
    assert agent(machine, "rollback").status == 0
    assert portrait(machine) == before


@pytest.mark.soak
@LONG
@pytest.mark.parametrize("name", [name for name, recipe in MACHINES.items() if recipe.architecture == "amd64"])
def test_a_machine_goes_the_whole_round(machines: Machines, name: str) -> None:
    round_trip(machines(name, agent=True))


@pytest.mark.soak
@LONG
def test_linux_6_1_gets_everything_and_a_container_s_entry_there_is_everybody_s(machines: Machines) -> None:
    machine = machines("bookworm", agent=True)
    assert machine.run("uname", "-r", check=True).stdout.startswith("6.1.")
    applied = agent(machine, "apply")
    assert applied.status == 0, applied.stderr
    assert agent(machine, "check").status == 0
    # Before Linux 6.7 there is only one table: an entry that a container registers also exists on the host.
    machine.sh(
        "unshare --mount sh -c 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc;"
        " echo :jar:E::jar::/bin/true: >/proc/sys/fs/binfmt_misc/register'",
        check=True,
    )
    assert machine.get("/proc/sys/fs/binfmt_misc/jar")
    refused = machine.sh("unshare --user --map-root-user --mount mount -t binfmt_misc none /mnt")
    assert refused.status != 0
