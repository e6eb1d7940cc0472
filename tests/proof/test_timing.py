"""`prove --time` measures what runs here, and says why the rest cannot be measured."""

import platform

import pytest

from provisioner.cli import proofs
from provisioner.config.desired import Builder, Desired, Node
from provisioner.engine import endpoints, info
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.platforms import table
from provisioner.proof import timing
from provisioner.proof.timing import Timed

WHERE = endpoints.Endpoint("default", "unix:///var/run/docker.sock", "default")
NATIVE = table.native(platform.machine())
ROWS = (
    Timed("linux/amd64", "native", 0.0005, 0.05, 1.0, 1.0),
    Timed("linux/arm64", "emulated by QEMU 10.0.13 from package", 0.0098, 0.31, 19.6, 6.2),
    Timed("windows/amd64", "build only", why=timing.NOT_HERE),
)


def facts(kind: str = "engine") -> Facts:
    return Facts(WHERE, info.NONE._replace(kind=kind), "", (), "", False, NATIVE, {}, mounted=True)


@pytest.mark.skipif(not NATIVE, reason="no load for this CPU")
def test_what_the_cpu_runs_is_measured_and_the_rest_is_explained() -> None:
    host = System("/", {})
    host.uid = 1  # no empty root directory, which is root's alone
    foreign = next(p for p in ("linux/s390x", "linux/arm64") if p not in NATIVE)
    builder = Builder(nodes=(Node("ssh://x", "far", ("windows/amd64",)),))
    wanted = Desired(platforms=(NATIVE[0], foreign, "windows/amd64", "darwin/arm64"), builder=builder)
    said: list[str] = []
    own, emulated, built, only = timing.measure(host, facts(), wanted, said.append)
    assert own.start_seconds is not None
    assert own.compute_seconds is not None
    assert own.compute_seconds > 0
    assert (own.how, own.why) == ("native", "")
    assert "no emulator is registered for it" in emulated.why or emulated.compute_seconds  # a machine with emulators
    assert (built.why, only.why) == (timing.ELSEWHERE.format("far"), timing.NOT_HERE)
    assert said[0].startswith(f"time: {NATIVE[0]}")


def test_emulators_inside_a_virtual_machine_cannot_be_timed() -> None:
    [row] = timing.measure(System("/", {}), facts("desktop"), Desired(platforms=("linux/s390x",)), print)
    assert row.why == "its emulators are inside Docker Desktop, where no program of ours can be timed"


def test_a_person_reads_a_table_and_what_it_means() -> None:
    lines = proofs.times(ROWS).splitlines()
    assert lines[2].split()[:6] == ["linux/arm64", "9.8", "ms", "0.31", "s", "19.6x,"]
    assert lines[3].endswith("nothing on this host runs it")
    assert "linux/arm64 computes 6.2 times slower than this CPU itself" in lines[4]
    assert timing.slowest(ROWS[:1]) == ""
