"""What happens to a host over its life: each journey is a list of acts, and of what must hold after them.

want K=V      the configuration asks for these settings of the daemon (alone: for none)
policy P      restart: never, if-idle or always
apply S       an apply ends with this status; then the second one must change nothing
late WORDS    that apply says that it did what was put off until then, and this why; alone: nothing was put off
rollback S    of the last apply;  rollback N S: back to before entry N
remove, boot  everything of ours goes;  the host boots
edit K=V      somebody edits daemon.json by hand (K alone: takes the key out), and restarts the daemon
container     somebody's container runs;  idle: none does
window        restarts are allowed from 02:00 to 03:00;  at HH:MM: the time of day
held, let     another run holds the lock;  full, room: the disk;  keep KIND: this may stay (alone: nothing)
dies, lives   the engine;  freeze, release: an operator;  accept N: what a rollback left
lost          rm -rf of our state;  forgotten: of the record in /etc as well;  shortened: the history, to one entry
file K=V      what daemon.json must say (K alone: nothing of it);  restarts N: how often we have restarted the daemon
"""

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from provisioner.config.desired import DAYS, Desired, ImageStore, Restarts, Window
from provisioner.config.load import Configuration
from provisioner.engine import memory
from provisioner.errors import ProvisionerError
from provisioner.runs import apply, freeze, journal, prune, removal, rollback
from provisioner.runs.waiting import Waiting
from tests.helpers.daemon import FILE, Host
from tests.helpers.steps import quiet

JOURNEYS = (
    # A restart is put off, and comes when it may, once.
    "policy never; want log-level=debug; apply 5; restarts 0; policy always; apply 0; restarts 1; file log-level=debug",
    "policy never; want log-level=debug; apply 5; apply 5; policy always; apply 0; late restart is never; restarts 1",
    "container; want log-level=debug; apply 5; idle; apply 0; late theirs is running; restarts 1; apply 0; late",
    "window; at 12:00; want log-level=debug; apply 5; at 02:30; apply 0; late window; restarts 1; file log-level=debug",
    "freeze; want log-level=debug; apply 75; release; apply 0; late release week; restarts 1; apply 0; late",
    "held; want log-level=debug; apply 75; let; apply 0; late another provisioner; restarts 1; apply 0; late",
    "held; want log-level=debug; apply 75; let; want; apply 0; late; want debug=true; apply 0; late",
    "full; want log-level=debug; apply 1; room; apply 0; late No space left; restarts 1; apply 0; late",
    "at 12:00; freeze; want log-level=debug; apply 75; at 14:00; apply 0; late release week; restarts 1",
    "edit disable-legacy-registry=true; want log-level=debug; apply 5; edit disable-legacy-registry; apply 0; "
    "late engine 19.03 took away disable-legacy-registry; restarts 1; file log-level=debug",
    "policy never; want log-level=debug; apply 5; want; apply 0; late; restarts 0",
    "policy never; want log-level=debug; apply 5; lost; policy always; apply 0; late restart is never; restarts 1",
    "policy never; want log-level=debug; apply 5; apply 5; file log-level",
    "container; want log-level=debug; apply 5; idle; apply 0; restarts 1",
    "container; want log-level=debug; apply 5; policy always; apply 0; restarts 1",
    "container; want log-level=debug; apply 5; want; apply 0; restarts 0",
    "want debug=true; container; apply 0; restarts 0; file debug=true",
    "want debug=true; policy never; apply 0; restarts 0",
    "freeze; want log-level=debug; apply 75; release; apply 0; file log-level=debug",
    "dies; want log-level=debug; apply 69; lives; apply 0; file log-level=debug",
    # A rollback takes back its own, and nothing else.
    "want log-level=debug; apply 0; rollback 0; file log-level; restarts 2",
    "want log-level=debug; apply 0; rollback 0; apply 0; rollback 0; file log-level",
    "want log-level=debug; apply 0; want log-level=warn; apply 0; rollback 0; file log-level=debug",
    "want log-level=debug; apply 0; want log-level=warn; apply 0; rollback 1 0; file log-level; restarts 3",
    "want log-level=debug; apply 0; edit log-level=warn; rollback 0; file log-level=warn; restarts 1",
    "edit log-level=info; want log-level=debug; apply 0; edit log-level=warn; rollback 0; restarts 1",
    "want log-level=debug; apply 0; edit log-level; rollback 0; file log-level; restarts 1",
    "want log-level=debug; apply 0; edit shutdown-timeout=3; rollback 0; file shutdown-timeout=3; file log-level",
    "edit log-level=info; want log-level=debug; apply 0; rollback 0; file log-level=info",
    "want debug=true; apply 0; rollback 0; file debug",
    "want log-level=debug; apply 0; dies; rollback 0; file log-level",
    "want log-level=debug; apply 0; accept 1; rollback 0; file log-level=debug",
    "rollback 0; restarts 0",
    # A setting that leaves the configuration is given back.
    "want log-level=debug; apply 0; want; apply 0; file log-level",
    "edit log-level=info; want log-level=debug; apply 0; want; apply 0; file log-level=info",
    "want debug=true shutdown-timeout=2; apply 0; want debug=true; apply 0; file shutdown-timeout",
    "want log-level=debug; apply 0; want; apply 0; rollback 0; file log-level=debug",
    "want log-level=debug; apply 0; want; keep settings; apply 0; file log-level=debug; restarts 1; keep; apply 0; "
    "file log-level; restarts 2",
    "edit log-level=info; want log-level=debug; apply 0; want; keep settings; apply 0; keep; apply 0; "
    "file log-level=info",
    "want log-level=debug; apply 0; lost; want; apply 0; file log-level; restarts 2",
    "want log-level=debug; apply 0; lost; edit log-level=warn; want; apply 0; file log-level=warn; restarts 1",
    # What somebody changed is drift, and mended.
    "want log-level=debug; apply 0; edit log-level=warn; apply 0; file log-level=debug",
    "want log-level=debug; apply 0; edit log-level; apply 0; file log-level=debug; restarts 2",
    "want log-level=debug; apply 0; edit theirs-not-ours=1; apply 0; restarts 1",
    # Removal works after any history, and twice.
    "remove; restarts 0",
    "want log-level=debug; apply 0; remove; file log-level; restarts 2; remove; restarts 2",
    "want log-level=warn; apply 0; want log-level=error; apply 0; remove; file log-level; restarts 3",
    "want log-level=debug; apply 0; edit log-level=warn; remove; file log-level=warn; restarts 1",
    "want log-level=debug; apply 0; edit log-level; remove; file log-level; restarts 1",
    "want log-level=debug; apply 0; dies; remove; file log-level",
    "want log-level=debug; apply 0; rollback 0; remove; file log-level; restarts 2",
    "want log-level=debug; apply 0; lost; remove; file log-level; restarts 2; remove; restarts 2",
    "want log-level=debug; apply 0; lost; edit log-level=warn; remove; file log-level=warn; restarts 1",
    "want log-level=debug; apply 0; lost; dies; remove; file log-level",
    "want log-level=debug; apply 0; lost; apply 0; restarts 1",
    "edit log-level=info; want log-level=debug; apply 0; want log-level=warn; apply 0; remove; file log-level=info",
    "want log-level=debug; apply 0; remove; apply 0; file log-level=debug; remove; file log-level",
    # What stood there before the oldest known run is put back if it was somebody's, and goes if it was ours.
    "want log-level=debug; apply 0; lost; want log-level=warn; apply 0; remove; file log-level",
    "want log-level=debug; apply 0; lost; want log-level=warn; apply 0; want log-level=error; apply 0; remove; "
    "file log-level",
    "want log-level=debug; apply 0; lost; want; apply 0; remove; file log-level; restarts 2",
    "want log-level=debug; apply 0; lost; want log-level=warn; apply 0; want; apply 0; remove; file log-level",
    "want log-level=debug; apply 0; lost; want log-level=warn; apply 0; rollback 0; file log-level=debug; remove; "
    "file log-level",
    "want log-level=debug; apply 0; lost; want log-level=warn; apply 0; rollback 0; want; apply 0; file log-level",
    "want log-level=debug; apply 0; want log-level=warn; apply 0; rollback 0; lost; remove; file log-level",
    "want log-level=debug; apply 0; lost; edit log-level=info; want log-level=warn; apply 0; remove; "
    "file log-level=info",
    "edit log-level=info; want log-level=debug; apply 0; want; apply 0; edit log-level=error; want log-level=debug; "
    "apply 0; remove; file log-level=error",
    "edit log-level=info; lost; want log-level=debug; apply 0; rollback 0; lost; remove; file log-level=info",
    "edit log-level=info; want log-level=debug; apply 0; want; apply 0; want debug=true; apply 0; shortened; "
    "rollback 2 0; lost; remove; file log-level=info; file debug",
    "want log-level=debug; apply 0; want log-level=warn; apply 0; want debug=true; apply 0; shortened; remove; "
    "file log-level",
    "want log-level=debug; apply 0; lost; want log-level=debug log-driver=local; apply 0; remove; file log-level; "
    "file log-driver; restarts 3",
    # Without the record as well, nothing says whose a setting is: it counts as somebody's, and is put back.
    "want log-level=debug; apply 0; lost; forgotten; want log-level=warn; apply 0; remove; file log-level=debug",
    # A boot changes nothing of what stands.
    "want log-level=debug; apply 0; boot; file log-level=debug; apply 0; restarts 1",
    "want log-level=debug; apply 0; boot; rollback 0; file log-level",
    "policy never; want log-level=debug; apply 5; boot; policy always; apply 0; file log-level=debug",
)


class Journey:
    """One host, and the acts by their names."""

    def __init__(self, tree: Path) -> None:
        self.host = Host(tree)
        (tree / FILE.lstrip("/")).write_text('{"theirs": "kept"}')
        self.host.start()
        self.wanted: dict[str, Any] = {}
        self.rule = "if-idle"
        self.hours: Window | None = None
        self.kept: tuple[str, ...] = ()
        self.put_off: tuple[Waiting, ...] = ()
        self.lock = contextlib.ExitStack()

    def act(self, words: str) -> None:
        name, *rest = words.split()
        getattr(self, name)(*rest)
        assert self._text()["theirs"] == "kept"

    def _text(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.host.read(FILE) or "{}")
        return found

    def _status(self, run: Any) -> int:
        try:
            outcome = run()
        except ProvisionerError as e:
            return int(e.status)
        except OSError:
            return 1
        return int(getattr(outcome, "status", 0))

    def _apply(self) -> apply.Outcome:
        wanted = Desired(
            ("linux/amd64",),
            image_store=ImageStore("unmanaged"),
            restart=Restarts(self.rule, self.hours),
            keep=self.kept,
            daemon=self.wanted,
        )
        outcome = apply.apply(self.host, Configuration(wanted), quiet, only=("daemon",))
        self.put_off = outcome.put_off
        return outcome

    def want(self, *leaves: str) -> None:
        self.wanted = dict(map(_leaf, leaves))

    def keep(self, *kinds: str) -> None:
        self.kept = kinds

    def window(self) -> None:
        self.hours = Window(DAYS, "02:00", "1h", "UTC")

    def at(self, moment: str) -> None:
        self.host.moment = f"2026-11-27T{moment}:00Z"

    def held(self) -> None:
        self.lock.enter_context(self.host.lock(journal.lock(self.host)))

    def let(self) -> None:
        self.lock.close()

    def full(self) -> None:
        self.host.full = True

    def room(self) -> None:
        self.host.full = False

    def policy(self, rule: str) -> None:
        self.rule = rule

    def apply(self, status: str) -> None:
        self.put_off = ()
        assert self._status(self._apply) == int(status)
        told = self.put_off
        if status == "0":
            assert self._apply().receipt is None
            assert self.put_off == ()
        self.put_off = told

    def late(self, *words: str) -> None:
        said = {w.reason for w in self.put_off}
        assert all(" ".join(words) in reason for reason in said), said
        assert bool(said) == bool(words)

    def rollback(self, *words: str) -> None:
        number = int(words[0]) if len(words) > 1 else None
        assert self._status(lambda: rollback.rollback(self.host, number, quiet)) == int(words[-1])

    def remove(self) -> None:
        assert removal.remove(self.host, quiet)[1] == ()

    def accept(self, number: str) -> None:
        rollback.accept(self.host, int(number))

    def boot(self) -> None:
        rollback.recover_files(self.host, quiet)
        self.host.start()
        rollback.recovered(self.host, quiet)

    def edit(self, leaf: str) -> None:
        key, value = _leaf(leaf)
        text = {k: v for k, v in {**self._text(), key: value}.items() if v is not None}
        Path(self.host.path(FILE)).write_text(json.dumps(text))
        self.host.start()

    def container(self) -> None:
        self.host.containers = [{"Id": "1" * 64, "Names": ["/theirs"], "State": "running"}]

    def idle(self) -> None:
        self.host.containers = []

    def dies(self) -> None:
        self.host.up = False

    def lives(self) -> None:
        self.host.start()

    def freeze(self) -> None:
        freeze.put(self.host, "release week", "1h")

    def release(self) -> None:
        freeze.release(self.host)

    def lost(self) -> None:
        shutil.rmtree(self.host.path("/var/lib/provisioner"), ignore_errors=True)

    def shortened(self) -> None:
        prune.prune(self.host, 1)

    def forgotten(self) -> None:
        Path(self.host.path(memory.record_path(self.host))).unlink()

    def file(self, leaf: str) -> None:
        key, value = _leaf(leaf)
        assert self._text().get(key) == value

    def restarts(self, number: str) -> None:
        assert self.host.restarts == int(number)


def _leaf(word: str) -> tuple[str, Any]:
    key, equals, value = word.partition("=")
    if not equals:
        return key, None
    return key, int(value) if value.isdigit() else value == "true" if value in ("true", "false") else value


@pytest.mark.parametrize("journey", JOURNEYS)
def test_a_journey_ends_well(tmp_path: Path, journey: str) -> None:
    life = Journey(tmp_path)
    for words in journey.split("; "):
        life.act(words)
