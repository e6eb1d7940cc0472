"""A container of LXC with systemd and Docker in it, as Proxmox and LXD make them, is a host like any other."""

import pytest

from tests.conftest import Boot
from tests.helpers.booted import ENTRY, LAYERS, agent, differences, portrait
from tests.helpers.system_containers import KINDS, Container
from tests.hosts import parts

pytestmark = pytest.mark.host
PRIVILEGED, UNPRIVILEGED, BOUND = KINDS
TABLE = "/proc/sys/fs/binfmt_misc"
EVERYTHING = f"mountpoint -q {TABLE} || mount -t binfmt_misc binfmt_misc {TABLE}"


@pytest.mark.parametrize("kind", [PRIVILEGED, UNPRIVILEGED])
def test_a_system_container_goes_the_whole_round(boot: Boot, kind: str) -> None:
    host = boot("trixie", layers=(parts.lxc(), *LAYERS), agent=True)
    container = Container(host, kind)
    container.boot()
    before = portrait(container)
    detected = agent(container, "detect")
    assert detected.status == 0, detected.stderr
    applied = agent(container, "apply")
    assert applied.status == 0, applied.stderr
    # Root of a privileged container is the machine's root, and the table is the machine's, too.
    host.sh(EVERYTHING, check=True)
    assert (host.get(ENTRY) is not None) == (kind == PRIVILEGED)
    container.reboot()
    checked = agent(container, "check")
    assert checked.status == 0, checked.document
    proven = agent(container, "prove")
    assert proven.status == 0, proven.stderr
    assert agent(container, "rollback").status == 0
    assert portrait(container) == before


def test_a_container_with_the_machine_s_table_gets_all_but_emulators_and_uses_the_machine_s(boot: Boot) -> None:
    host = boot("trixie", layers=(parts.lxc(), *LAYERS), agent=True)
    host.sh(EVERYTHING, check=True)
    container = Container(host, BOUND)
    container.boot()
    applied = agent(container, "apply")
    assert applied.status == 5, applied.stderr
    blocked = [b for change in applied.document["left"] for b in change["blocked"]]
    assert {b["code"] for b in blocked} == {"register-refused"}
    for words in ("register the emulators on the machine itself", "`lxc.apparmor.profile = unconfined`"):
        assert all(words in b["hint"] for b in blocked), blocked
    assert differences(agent(container, "check")) == {"emulators: linux/arm64", "emulators: linux/arm64 at boot"}
    machine = agent(host, "apply", "--only=emulators")
    assert machine.status == 0, machine.stderr
    checked = agent(container, "check")
    assert checked.status == 0, differences(checked)
    proven = agent(container, "prove")
    assert {row["platform"] for row in proven.document["platforms"]} == {"linux/amd64", "linux/arm64"}
    assert proven.status == 0, proven.stderr
