"""What runs during a slow step, in which order the journal has it, and what a failure stops."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner.builder import commands
from provisioner.builder.boot import Boot
from provisioner.config.desired import Desired
from provisioner.errors import CommandError, ProvisionerError, PutOffError
from provisioner.host import System
from provisioner.runs import make, receipts
from provisioner.runs.journal import Journal
from provisioner.steps import Change, Say, Slow, Step
from provisioner.steps.programs import Run
from tests.helpers.steps import quiet

DONE: list[str] = []


@dataclass(frozen=True, slots=True)
class Act(Step):
    """A step that notes its name, or fails so many times."""

    name: str
    fails: int = 0

    def do(self, system: System, say: Say) -> None:
        DONE.append(self.name)
        if DONE.count(self.name) <= self.fails:
            raise ProvisionerError(f"{self.name} failed")

    def sentence(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Wait(Slow):
    """A slow step. Steps whose names begin with its ``others`` may run meanwhile."""

    name: str
    others: str = "no such"
    nothing: bool = False
    fails: bool = False

    @contextmanager
    def meanwhile(self, system: System, say: Say) -> Iterator[Callable[[], None] | None]:
        DONE.append(f"{self.name} begins")
        try:
            yield None if self.nothing else self._end
        finally:
            DONE.append(f"{self.name} is over")

    def _end(self) -> None:
        DONE.append(f"{self.name} ends")
        if self.fails:
            raise CommandError(f"{self.name} failed")

    def apart(self, step: Step) -> bool:
        return isinstance(step, Act) and step.name.startswith(self.others)

    def sentence(self) -> str:
        return self.name


@pytest.fixture
def host(tmp_path: Path) -> System:
    DONE.clear()
    (tmp_path / "var/lib").mkdir(parents=True)
    return System(str(tmp_path), {})


@pytest.fixture
def book(host: System) -> Journal:
    made = Journal(host, 1)
    made.begin("1", Desired(), ())
    return made


def told(host: System) -> list[str]:
    """Return the names of the steps in the journal, in their order."""
    lines = (json.loads(line) for line in (host.read(receipts.file(host, 1)) or "").splitlines())
    return [line["step"]["name"] for line in lines if line["event"] == "step"]


STORE = Change("store", (), (Act("edit"),), trial=(Act("test"),))


def test_tests_and_what_does_not_need_a_slow_step_run_while_it_does(host: System, book: Journal) -> None:
    builder = Change("builder", (), (Act("make"), Wait("boot", "use"), Act("use a"), Act("use b"), Act("policy")))
    make.changes(host, book, (STORE, builder), quiet)
    assert [
        *("edit", "make", "boot begins", "test", "use a", "use b", "boot ends", "boot is over", "policy"),
    ] == DONE
    assert told(host) == ["edit", "make", "boot", "test", "use a", "use b", "policy"]


def test_where_a_slow_step_has_nothing_to_do_the_next_one_is_used(host: System, book: Journal) -> None:
    builder = Change("builder", (), (Wait("pull", nothing=True), Act("volume"), Wait("boot")))
    make.changes(host, book, (STORE, builder), quiet)
    assert [
        *("edit", "pull begins", "pull is over", "volume", "boot begins", "test", "boot ends", "boot is over"),
    ] == DONE


def test_without_a_slow_step_the_tests_come_last(host: System, book: Journal) -> None:
    make.changes(host, book, (STORE, Change("builder", (), (Act("use"),))), quiet)
    assert DONE == ["edit", "use", "test"]


@pytest.mark.parametrize("failing", ["test", "make", "boot"])
def test_a_broken_store_is_said_by_its_test(host: System, book: Journal, failing: str) -> None:
    store = STORE._replace(trial=(Act("test", fails=9),))
    boot = Wait("boot", fails=failing == "boot")
    builder = Change("builder", (), (Act("make", fails=int(failing == "make")), boot, Act("more")))
    with pytest.raises(ProvisionerError, match="test failed"):
        make.changes(host, book, (store, builder), quiet)
    assert "more" not in DONE
    assert DONE.count("boot begins") == DONE.count("boot is over") == int(failing != "make")
    assert told(host)[-1] == "test"


def test_a_test_that_fails_only_during_a_slow_step_is_made_again_alone(host: System, book: Journal) -> None:
    store = STORE._replace(trial=(Act("test", fails=1),))
    builder = Change("builder", (), (Wait("boot", "use"), Act("use")))
    make.changes(host, book, (store, builder), quiet)
    assert DONE == ["edit", "boot begins", "test", "boot ends", "test", "boot is over", "use"]
    assert told(host) == ["edit", "boot", "test", "use"]


def test_what_a_run_puts_off_is_not_tested(host: System, book: Journal) -> None:
    class Later(Act):
        def do(self, system: System, say: Say) -> None:
            raise PutOffError("not now")

    with pytest.raises(PutOffError):
        make.changes(host, book, (STORE, Change("builder", (), (Later("later"),))), quiet)
    assert DONE == ["edit"]


def test_the_failure_of_a_slow_step_is_its_own(host: System, book: Journal) -> None:
    builder = Change("builder", (), (Wait("boot", fails=True), Act("more")))
    with pytest.raises(CommandError, match="boot failed"):
        make.changes(host, book, (STORE, builder), quiet)
    assert DONE[-3:] == ["test", "boot ends", "boot is over"]


def test_nothing_but_a_choice_of_buildx_s_runs_during_the_boot() -> None:
    boot = Boot(commands.boot("b"))
    assert boot.apart(Run(commands.use("b")))
    assert boot.apart(Run(commands.use("b", "unix:///run/docker.sock")))
    assert not boot.apart(Run(commands.forget("b")))
    assert not boot.apart(Run(("docker", "container", "update", "--restart", "no", "b")))
    assert not boot.apart(Act("use"))
    assert not Boot(commands.boot("b"), alone=True).apart(Run(commands.use("b")))


def test_a_failure_during_a_boot_waits_for_its_end_before_anything_is_undone(host: System, book: Journal) -> None:
    builder = Change("builder", (), (Wait("boot", "use", fails=True), Act("use", fails=1)))
    with pytest.raises(ProvisionerError, match="use failed"):
        make.changes(host, book, (builder,), quiet)
    assert DONE == ["boot begins", "use", "boot ends", "boot is over"]
