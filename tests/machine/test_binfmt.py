"""How a kernel of its own gets the table of emulators: by automount, by our service, or not at all."""

import pytest

from tests.conftest import Machines
from tests.helpers.booted import agent, portrait
from tests.machines import Machine

TABLE = "/proc/sys/fs/binfmt_misc"
CONFIG = "/etc/provisioner/provisioner.yaml"
CONFIGURATION = "platforms: [arm64]\nemulators: {source: directory, directory: /usr/bin}\n"
BLACKLIST = "/etc/modprobe.d/hardening.conf"
AUTOMOUNT = "proc-sys-fs-binfmt_misc.automount"
MASK = f"/etc/systemd/system/{AUTOMOUNT}"  # an empty file masks, as a link to /dev/null does


def differences(machine: Machine) -> dict[str, str]:
    """Return what a check of the emulators reports."""
    answer = agent(machine, "check", "--only=emulators")
    assert answer.status in (0, 2), answer.stderr
    return {d["key"]: d["have"] for d in answer.document["differences"]}


def blocked(machine: Machine) -> set[str]:
    """Apply for the emulators, which are blocked, and return the codes of the obstacles."""
    answer = agent(machine, "apply", "--only=emulators")
    assert answer.status == 5, (answer.document, answer.stderr)
    return {b["code"] for change in answer.document["left"] for b in change["blocked"]}


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_forbidden_or_missing_module_blocks_and_a_masked_automount_gets_our_service(machines: Machines) -> None:
    # Masked from the boot on: Debian's rule for Python has the table mounted at each boot, which keeps the module.
    files = {CONFIG: CONFIGURATION, BLACKLIST: "blacklist binfmt_misc\n", MASK: ""}
    machine = machines("trixie", agent=True, files=files)
    machine.reboot()
    assert "binfmt_misc" not in machine.sh("cat /proc/modules").stdout
    assert machine.sh(f"mount -t binfmt_misc none {TABLE}").status != 0  # a mount obeys the blacklist
    assert machine.run("modprobe", "binfmt_misc").status == 0  # and modprobe by name does not
    assert blocked(machine) == {"module-forbidden"}
    machine.sh(f"modprobe --remove binfmt_misc; rm {BLACKLIST}", check=True)

    modules = "/usr/lib/modules/$(uname -r)"
    machine.sh(f"cd {modules} && mv modules.dep kept && grep -v binfmt_misc kept > modules.dep", check=True)
    assert blocked(machine) == {"no-module"}
    machine.sh(f"cd {modules} && mv kept modules.dep", check=True)

    # Only the automount, as on every server with systemd.
    machine.sh(f"rm {MASK} && systemctl daemon-reload && systemctl start {AUTOMOUNT}", check=True)
    before = portrait(machine)
    applied = agent(machine, "apply", "--only=emulators")
    assert applied.status == 0, applied.stderr
    assert machine.sh("ls /etc/systemd/system/provisioner-emulators.service").status != 0
    assert differences(machine) == {}

    # Nothing mounts the table at boot.
    machine.run("systemctl", "mask", AUTOMOUNT, check=True)
    assert differences(machine) == {"linux/arm64 at boot": "not registered: binfmt_misc is not mounted at boot"}
    applied = agent(machine, "apply", "--only=emulators")
    assert applied.status == 0, applied.stderr
    machine.reboot()
    assert differences(machine) == {}
    assert machine.run("systemctl", "is-active", "provisioner-emulators").stdout.strip() == "active"
    assert agent(machine, "rollback", "1").status == 0
    # An automount does not start above a mount, and this one is our service's, from the boot.
    machine.sh(f"umount {TABLE} && systemctl unmask {AUTOMOUNT} && systemctl start {AUTOMOUNT}", check=True)
    assert portrait(machine) == before
