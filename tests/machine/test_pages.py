"""Pages of 16 KB, as on a Raspberry Pi 5: some 32-bit programs run natively, others crash, and every answer says so."""

import pytest

from provisioner.platforms import ordinary
from tests.conftest import Machines
from tests.helpers.booted import agent
from tests.machines import Machine, kernels

CONFIG = "/etc/provisioner/provisioner.yaml"
CONFIGURATION = """\
platforms: [linux/arm64, linux/amd64, linux/arm/v7]
emulators: {source: directory, directory: /usr/bin}
"""
TOLD = "programs that were made for pages of 4 KB crash"
CRASHED = 139  # 128 and SIGSEGV
# Debian's own programs, by suite and architecture. Those of bookworm are made for pages of 4 KB.
STATUS = {("trixie", "armhf"): 0, ("bookworm", "armhf"): CRASHED}


def status(machine: Machine, command: str) -> int:
    """Return the exit status of a command in a shell."""
    return int(machine.sh(f"{command} >/dev/null 2>&1 </dev/null; echo $?", check=True).stdout)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_kernel_with_pages_of_16_kb_runs_some_32_bit_programs_and_every_answer_says_so(machines: Machines) -> None:
    machine = machines("arm64-16k", agent=True, files={CONFIG: CONFIGURATION})
    assert machine.run("getconf", "PAGESIZE", check=True).stdout == "16384\n"
    for suite, architecture in (*STATUS, ("bookworm", "amd64")):
        program = kernels.busybox(architecture, suite).read_bytes()
        machine.put(f"/opt/{suite}-{architecture}/busybox", program, 0o755)
    machine.put("/opt/probe", ordinary.program("arm"), 0o755)
    machine.put(ordinary.LOADER, ordinary.loader("arm"), 0o755)
    found = {key: status(machine, f"/opt/{key[0]}-{key[1]}/busybox true") for key in STATUS}
    assert found == STATUS
    assert status(machine, "/opt/probe") == 0  # the proof's program is made for every size
    assert status(machine, "qemu-arm /opt/bookworm-armhf/busybox true") == 0

    cpu = agent(machine, "detect").document["cpu"]
    assert ("linux/arm/v7" in cpu["native"], cpu["page_size"]) == (True, 16384)
    assert TOLD in cpu["note"]
    planned = agent(machine, "plan", "--only=emulators")
    assert any(TOLD in note for note in planned.document["notes"])
    assert agent(machine, "apply", "--only=emulators").status == 0
    entries = machine.run("ls", "/proc/sys/fs/binfmt_misc").stdout.split()
    assert ("qemu-x86_64" in entries, "qemu-arm" in entries) == (True, False)
    assert status(machine, "/opt/bookworm-amd64/busybox true") == 0  # this QEMU splits the kernel's pages
    checked = agent(machine, "check", "--only=emulators")
    assert checked.status == 0, checked.document
    assert any(TOLD in note for note in checked.document["notes"])

    seen = 'process "/bin/sh -c true" did not complete successfully: exit code: 139'
    [error] = agent(machine, "explain", seen).document["errors"]
    assert "pages of memory are larger than 4 KB" in next(c for c in error["causes"] if c["real"])["cause"]
