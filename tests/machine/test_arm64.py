"""Another CPU: programs of arm64 run natively, those of amd64 and the others by an emulator of this CPU."""

import pytest

from provisioner.platforms import table
from tests.conftest import Machines
from tests.helpers.booted import agent, portrait

CONFIG = "/etc/provisioner/provisioner.yaml"
ALL = table.each_architecture()
CONFIGURATION = f"platforms: [{', '.join(ALL)}]\nemulators: {{source: directory, directory: /usr/bin}}\n"
# The machines, with the platforms that their CPUs run. QEMU's `max` has a 32-bit mode.
NATIVE = {"arm64": {"linux/arm64", "linux/arm/v7"}, "arm64-only": {"linux/arm64"}}


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NATIVE)
def test_an_arm64_machine_runs_its_own_programs_and_emulates_the_others(machines: Machines, name: str) -> None:
    machine = machines(name, agent=True, files={CONFIG: CONFIGURATION})
    assert machine.run("uname", "-m", check=True).stdout == "aarch64\n"
    before = portrait(machine)
    found = agent(machine, "detect")
    assert found.status == 0, found.stderr
    assert {"linux/arm64", "linux/arm/v7"} & {*found.document["cpu"]["native"]} == NATIVE[name], found.document
    only = ("--only=image-store", "--only=emulators")
    applied = agent(machine, "apply", *only)
    assert applied.status == 0, applied.stderr
    entries = set(machine.run("ls", "/proc/sys/fs/binfmt_misc").stdout.split()) - {"register", "status"}
    assert {"qemu-x86_64", "qemu-i386", "qemu-riscv64", "qemu-s390x"} <= entries
    assert ("qemu-aarch64" in entries, "qemu-arm" in entries) == (False, "linux/arm/v7" not in NATIVE[name])
    for state in ("applied", "booted again"):
        checked = agent(machine, "check", *only)
        assert checked.status == 0, (state, checked.document)
        if state == "applied":
            machine.reboot()
    assert agent(machine, "rollback").status == 0
    assert portrait(machine) == before
