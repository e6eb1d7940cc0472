"""Random lives of a host, act by act, against a model of twenty lines.

An act is an apply, a rollback, a removal, an edit by hand, a death of the engine, a boot, or a kill in the middle of
any of ours. After each the settings are what the model says, no run is open, and nobody else's key has moved.
PROVISIONER_STEPS and PROVISIONER_SEED choose a longer walk, or the one that has failed.
"""

import json
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from provisioner.config.desired import Desired, ImageStore, Restarts
from provisioner.config.load import Configuration
from provisioner.errors import NoEngineError, ProvisionerError
from provisioner.runs import apply, journal, receipts, removal, rollback
from tests.helpers.daemon import FILE, Host, KilledError
from tests.helpers.steps import quiet

STEPS = int(os.environ.get("PROVISIONER_STEPS", "2000"))
SEED = int(os.environ.get("PROVISIONER_SEED", "20261127"))
LEAVES = {"log-level": ("debug", "warn", "error"), "debug": (True,), "max-concurrent-downloads": (2, 3)}
LIFE = 40  # acts
WANTED = Desired(("linux/amd64",), image_store=ImageStore("unmanaged"), only=("daemon",), restart=Restarts("always"))

Values = dict[str, Any]


class Model:
    """What the file holds, what each leaf of ours was before, and the runs that stand: the leaves before and after."""

    def __init__(self) -> None:
        self.file: Values = {"theirs": "kept"}
        self.owned: Values = {}
        self.runs: list[tuple[int, Values, Values]] = []

    def apply(self, wanted: Values, receipt: int | None) -> None:
        asked = {**{k: v for k, v in self.owned.items() if k not in wanted}, **wanted}
        new = {k: v for k, v in asked.items() if self.file.get(k) != v}
        if receipt is None:
            assert not new
            return
        before = {k: self.file.get(k) for k in new} | ({"owned": self.owned} if new else {})
        if new:
            self.owned = {k: self.file.get(k) for k in new if k in wanted} | {
                k: v for k, v in self.owned.items() if k in wanted
            }
        self._set(new)
        self.runs.append((receipt, before, new | ({"owned": self.owned} if new else {})))

    def undo(self, numbers: tuple[int, ...]) -> None:
        for number, before, after in reversed([run for run in self.runs if run[0] in numbers]):
            for key, value in before.items():
                now = self.owned if key == "owned" else self.file.get(key)
                if now == after[key] and key == "owned":
                    self.owned = value
                elif now == after[key]:
                    self._set({key: value})
            self.runs = [run for run in self.runs if run[0] != number]

    def remove(self) -> None:
        last: Values = {}
        for _, _, after in self.runs:
            last |= after
        self._set({k: v for k, v in self.owned.items() if k in last and self.file.get(k) == last[k]})
        self.owned, self.runs = {}, []

    def _set(self, new: Values) -> None:
        self.file = {k: v for k, v in {**self.file, **new}.items() if v is not None}


class Walk:
    """One host, its model, and the acts."""

    def __init__(self, tree: Path, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.host, self.model = Host(tree), Model()
        self.wanted: Values = {}
        self.done: list[str] = []
        self._write()
        self.host.start()

    def _write(self) -> None:
        Path(self.host.path(FILE)).write_text(json.dumps(self.model.file))

    def step(self) -> None:
        """One act, and what must hold after it."""
        name = self.random.choices(
            ("apply", "rollback", "edit", "die", "boot", "kill", "remove"), (40, 16, 12, 4, 8, 18, 2)
        )[0]
        self.done.append(name)
        getattr(self, name)()
        told = json.loads(Path(self.host.path(FILE)).read_text()) if self.host.stat(FILE) else {}
        assert told == self.model.file, f"{told} is not {self.model.file}"
        assert told["theirs"] == "kept"
        assert receipts.unended(self.host) is None

    def apply(self) -> None:
        self.wanted = {k: self.random.choice(v) for k, v in LEAVES.items() if self.random.random() < 0.6}
        self._apply()
        if self.host.up:
            self._apply(again=True)

    def _apply(self, *, again: bool = False) -> None:
        wanted = Configuration(WANTED._replace(daemon=self.wanted))
        try:
            outcome = apply.apply(self.host, wanted, quiet, only=("daemon",))
        except NoEngineError:
            assert not self.host.up
            return
        assert not (again and outcome.receipt), "the second apply has changed something"
        self.model.apply(self.wanted, outcome.receipt)
        if self.host.up and "debug" in self.wanted:
            assert self.host.effect["debug"] is True

    def rollback(self) -> None:
        standing = [number for number, _, _ in self.model.runs]
        number = self.random.choice([None, *standing[-3:]])
        restarts = self.host.restarts
        try:
            undone = rollback.rollback(self.host, number, quiet)
        except ProvisionerError as e:
            raise AssertionError(f"{e.message}; {e.hint}") from e
        assert undone == tuple(reversed(standing[-1:] if number is None else [n for n in standing if n >= number]))
        assert self.host.restarts - restarts <= 1
        self.model.undo(undone)

    def edit(self) -> None:
        key = self.random.choice([*LEAVES, "other"])
        value = self.random.choice([None, "info", *LEAVES.get(key, ())])
        if key == "debug" and value == "info":
            value = False
        if key.startswith("max"):
            value = self.random.choice((None, 2, 5))
        self.model._set({key: value})
        self._write()
        if self.random.random() < 0.5:
            self.host.start()

    def die(self) -> None:
        self.host.up = False

    def boot(self) -> None:
        rollback.recover_files(self.host, quiet)
        self.host.start()
        rollback.recovered(self.host, quiet)

    def kill(self) -> None:
        """One of ours is killed in the middle, and a boot or the next command has to cope with what it left."""
        self.host.life = self.random.randrange(16)
        wanted = {k: self.random.choice(v) for k, v in LEAVES.items() if self.random.random() < 0.6}
        try:
            outcome = apply.apply(self.host, Configuration(WANTED._replace(daemon=wanted)), quiet, only=("daemon",))
        except (KilledError, NoEngineError):
            self.host.life = None
            ended = set(receipts.numbers(self.host)) - {n for n, _, _ in self.model.runs}
            stands = [n for n in ended if journal.read(self.host, n).outcome == "converged"]
            if stands:  # it was killed after its end: what it has made stays
                self.model.apply(wanted, stands[-1])
        else:
            self.host.life = None
            self.model.apply(wanted, outcome.receipt)
        self.boot()

    def remove(self) -> None:
        _, left = removal.remove(self.host, quiet)
        assert left == ()
        self.model.remove()


def walk(steps: int) -> Counter[str]:
    """Lives of 40 acts each, in memory. Returns how often each act was done."""
    done: Counter[str] = Counter()
    for number in range(-(-steps // LIFE)):
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as tree:
            life = Walk(Path(tree), SEED + number)
            for _ in range(min(LIFE, steps - number * LIFE)):
                try:
                    life.step()
                except BaseException as e:
                    raise AssertionError(f"PROVISIONER_SEED={SEED + number}, after {', '.join(life.done)}: {e}") from e
            done.update(life.done)
    return done


def test_a_value_that_somebody_sets_again_after_a_rollback_is_not_ours(tmp_path: Path) -> None:
    life = Walk(tmp_path, 1)
    for wanted in ({"log-level": "warn"}, {"log-level": "warn", "debug": True}):
        life.wanted = wanted
        life._apply()
    rollback.rollback(life.host, None, quiet)
    life.model.undo((life.model.runs[-1][0],))
    life.model._set({"debug": True})
    life._write()
    life.remove()
    assert json.loads(Path(life.host.path(FILE)).read_text()) == {"theirs": "kept", "debug": True}


def test_a_value_that_an_apply_gives_back_is_not_ours(tmp_path: Path) -> None:
    life = Walk(tmp_path, 1)
    life.model._set({"log-level": "error"})
    life._write()
    for wanted in ({"debug": True}, {"debug": True, "log-level": "warn"}, {"debug": True}):
        life.wanted = wanted
        life._apply()
    rollback.rollback(life.host, life.model.runs[1][0], quiet)
    life.model.undo(tuple(number for number, _, _ in life.model.runs[1:]))
    life.remove()
    assert json.loads(Path(life.host.path(FILE)).read_text()) == {"theirs": "kept", "log-level": "error"}


def test_a_random_life_of_a_host_agrees_with_its_model() -> None:
    walk(200)


@pytest.mark.host
@pytest.mark.timeout(600 + STEPS // 5)
def test_many_random_lives_of_a_host_agree_with_their_models() -> None:
    begun = time.monotonic()
    done = walk(STEPS)
    print(f"{done.total()} acts from seed {SEED} in {time.monotonic() - begun:.0f} s: {dict(done)}")
