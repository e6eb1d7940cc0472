"""AppArmor enforces Docker's own profile, as on every Debian and Ubuntu server."""

from functools import partial

import pytest

from tests.conftest import Machines
from tests.helpers.booted import agent, portrait
from tests.hosts import debian, parts, recipes
from tests.hosts.cache import entry

SUITE = recipes.QEMU_SUITE
CONFINED = "docker run --rm {} /bin/busybox cat /proc/self/attr/current"
IMAGE = "moby/buildkit:buildx-stable-1"  # has a busybox, and is there after an apply


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_apparmor_confines_containers_and_nothing_of_ours_is_denied(machines: Machines) -> None:
    packages = entry("apparmor", SUITE, partial(debian.add, ("apparmor",)), partial(parts.tree, SUITE))
    machine = machines("trixie", agent=True)
    machine.unpack(packages)
    machine.sh("systemctl daemon-reload; systemctl start apparmor; systemctl restart docker", check=True)
    assert "apparmor" in machine.run("docker", "info", check=True).stdout
    before = portrait(machine)
    applied = agent(machine, "apply")
    assert applied.status == 0, applied.stderr
    assert agent(machine, "check").status == 0
    confined = machine.sh(CONFINED.format(f"--entrypoint= {IMAGE}"), check=True)
    assert confined.stdout.strip("\0\n") == "docker-default (enforce)"
    assert 'apparmor="DENIED"' not in machine.sh("dmesg").stdout
    assert agent(machine, "rollback").status == 0
    assert portrait(machine) == before
