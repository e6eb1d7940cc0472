"""SELinux enforces Debian's policy: labels stay, and what the policy refuses is named."""

import json

import pytest

from tests.conftest import Machines
from tests.helpers.booted import DAEMON_JSON, Answer, agent, job, portrait
from tests.machines import Machine

LOGIN = "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"  # root's, in a login
LABEL = "net_conf_t"  # an administrator's own choice, which the policy does not know of
CHECKED = "/etc/binfmt.d /etc/docker /usr/local/lib/provisioner /var/lib/provisioner"
RECORD = "/var/lib/provisioner-check/check.json"


def login(machine: Machine, *args: str) -> Answer:
    """Run the agent as root of a login does. The tests' own commands come from a service."""
    ran = machine.run("runcon", LOGIN, "provisioner", *args, "--format=json", timeout=machine.PATIENCE)
    return Answer(ran.status, json.loads(ran.stdout) if ran.stdout else {}, ran.stderr)


def label(machine: Machine) -> str:
    """Return the type of daemon.json's label."""
    return machine.run("stat", "--format=%C", DAEMON_JSON, check=True).stdout.split(":")[2]


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_labels_stay_and_what_the_policy_refuses_is_named(machines: Machines) -> None:
    machine = machines("selinux", agent=True, files={DAEMON_JSON: '{"debug": false}'})
    assert machine.run("getenforce", check=True).stdout == "Enforcing\n"
    # A package or an administrator labels what is installed; the tests only unpack it.
    machine.sh("restorecon -RF /usr/local /etc/docker && systemctl daemon-reload", check=True)
    machine.run("chcon", f"--type={LABEL}", DAEMON_JSON, check=True)
    before = portrait(machine)

    # A dockerd that a service starts may open no pipe of the service.
    planned = agent(machine, "plan", "--only=image-store")
    codes = {b["code"] for change in planned.document["changes"] for b in change["blocked"]}
    assert codes == {"not-validated"}, planned.document
    # QEMU writes the code that it runs, which even root of a login may not.
    refused = login(machine, "apply", "--only=emulators")
    assert refused.status == 3, refused.document
    assert "SELinux forbids QEMU to run the code that it makes" in refused.stderr
    assert portrait(machine) == before

    machine.run("setsebool", "allow_execmem", "on", check=True)
    applied = login(machine, "apply")
    assert applied.status == 0, applied.stderr
    assert label(machine) == LABEL
    relabelled = machine.sh(f"restorecon -Rnv {CHECKED}", check=True).stdout
    assert [line.split()[2] for line in relabelled.splitlines()] == [DAEMON_JSON], relabelled
    assert login(machine, "check").status == 0
    job(machine, "provisioner-check", check=True)
    assert json.loads(machine.get(RECORD) or b"{}")["status"] == "in-sync"
    assert "spc_t" in machine.sh("ps axZ | grep [b]uildkitd").stdout
    assert login(machine, "rollback").status == 0
    assert (portrait(machine), label(machine)) == (before, LABEL)
