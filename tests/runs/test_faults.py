"""An error in each single system call that changes something, one after the other, through an apply and a rollback.

As SQLite does it: whatever call fails, the settings are the old ones or the new ones, somebody is told, and the next
run goes on. strace makes the errors, in a process of its own, on the real calls.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner.config.desired import Desired, ImageStore, Restarts
from provisioner.config.load import Configuration
from provisioner.errors import ProvisionerError
from provisioner.runs import apply, journal, receipts, rollback
from tests.helpers.daemon import FILE, Host
from tests.helpers.steps import quiet

CHECKOUT = Path(__file__).parents[2]
MARK = "/the-act-begins-here"
CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from tests.runs import test_faults as t; t.act(*sys.argv[2:])"
FAULTS = {
    "write": ("ENOSPC", "EIO"),
    "fsync": ("EIO", "ENOSPC"),
    "rename": ("EROFS", "ENOSPC"),
    "renameat": ("EROFS", "ENOSPC"),
    "renameat2": ("EROFS", "ENOSPC"),
    "openat": ("EMFILE", "ENOMEM", "EROFS"),
    "unlink": ("EROFS", "EIO"),
    "unlinkat": ("EROFS", "EIO"),
    "mkdir": ("ENOSPC", "EROFS"),
    "mkdirat": ("ENOSPC", "EROFS"),
    "fchmod": ("EROFS", "EIO"),
    "ftruncate": ("EIO", "EROFS"),
    "flock": ("ENOMEM", "EINTR"),
}
OLD = '{\n  "theirs": true\n}\n'
NEW = {"theirs": True, "log-level": "debug"}
WANTED = Desired(("linux/amd64",), image_store=ImageStore("unmanaged"), only=("daemon",), restart=Restarts("always"))
CONFIGURATION = Configuration(WANTED._replace(daemon={"log-level": "debug"}))


def act(tree: str, what: str, spare: str) -> None:
    """Do it once elsewhere, so that every module is there, and then here; what came of it goes to stdout."""
    said = ""
    for place in (spare, tree):
        host = prepared(Path(place))
        if place == spare and what == "rollback":
            apply.apply(host, CONFIGURATION, quiet, only=("daemon",))
        if place == tree:
            os.path.exists(MARK)
        said = "converged"
        try:
            if what == "apply":
                done = apply.apply(host, CONFIGURATION, quiet, only=("daemon",))
                said = "blocked" if done.left else said  # by a file that cannot be opened, for example
            else:
                rollback.rollback(host, None, quiet)
        except (ProvisionerError, OSError) as e:
            said = f"{type(e).__name__}: {e}"
    print(json.dumps(said))


def prepared(tree: Path) -> Host:
    """A host with a daemon.json of somebody else's."""
    path = tree / FILE.lstrip("/")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(OLD)
    return Host(tree)


def child(tree: Path, spare: Path, what: str, *strace: str) -> str:
    """Run an act under strace; what it said."""
    tracing = ("strace", "-f", "-qq", *strace)
    argv = (*tracing, sys.executable, "-I", "-c", CHILD, str(CHECKOUT), str(tree), what, str(spare))
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    said: str = json.loads(done.stdout)
    return said


def calls(folder: Path, what: str) -> dict[str, tuple[int, int]]:
    """How often each call was made before the act, and in it."""
    log = folder / "log"
    tree = start(folder / "counted", what)
    child(tree, folder / "spare-counted", what, "-o", str(log), "-e", f"trace=?stat,?newfstatat,{names()}")
    before: dict[str, int] = {}
    inside: dict[str, int] = {}
    counting = before
    for line in log.read_text().splitlines():
        if MARK in line:
            counting = inside
        elif found := re.match(r"\d+ +(\w+)\(", line):
            counting[found.group(1)] = counting.get(found.group(1), 0) + 1
    return {name: (before.get(name, 0), count) for name, count in inside.items() if name in FAULTS}


def names() -> str:
    return ",".join(f"?{name}" for name in FAULTS)


def start(tree: Path, what: str) -> Path:
    """A tree as the act finds it."""
    host = prepared(tree)
    if what == "rollback":
        apply.apply(host, CONFIGURATION, quiet, only=("daemon",))
    return tree


def cases(folder: Path, what: str, every: int) -> Iterator[tuple[str, str, int]]:
    """Each call of the act with each error, or every seventh of them."""
    found = [
        (name, fault, before + number)
        for name, (before, count) in calls(folder, what).items()
        for number in range(1, count + 1)
        for fault in FAULTS[name]
    ]
    assert len(found) > 20
    yield from found[::every]


def holds(tree: Path, said: str, what: str, case: Any) -> None:
    """Old or new, said, and the next run goes on."""
    text = json.loads((tree / FILE.lstrip("/")).read_text())
    assert text in (json.loads(OLD), NEW), f"{case}: {text}"
    wanted = NEW if what == "apply" else json.loads(OLD)
    if said == "converged":
        assert text == wanted, case
    host = Host(tree)
    rollback.recover_files(host, quiet)
    host.start()
    rollback.recovered(host, quiet)
    assert receipts.unended(host) is None, case
    assert apply.apply(host, CONFIGURATION, quiet, only=("daemon",)).status == 0, case
    assert json.loads((tree / FILE.lstrip("/")).read_text()) == NEW, case
    rollback.rollback(host, 1 if 1 in standing(host) else None, quiet)
    assert (tree / FILE.lstrip("/")).read_text() == OLD or json.loads((tree / FILE.lstrip("/")).read_text()) == NEW
    assert not list(tree.rglob(".*.provisioner")), case


def standing(host: Host) -> list[int]:
    return [n for n in receipts.numbers(host) if journal.read(host, n).outcome in rollback.UNDOABLE]


def each(folder: Path, what: str, every: int) -> None:
    for index, case in enumerate(cases(folder, what, every)):
        name, fault, number = case
        tree = start(folder / str(index), what)
        said = child(
            tree, folder / f"spare-{index}", what, "-e", f"inject={name}:error={fault}:when={number}", "-o", os.devnull
        )
        holds(tree, said, what, (*case, said))


@pytest.mark.parametrize("what", ["apply", "rollback"])
def test_an_error_in_some_calls_leaves_old_or_new_and_the_next_run_goes_on(tmp_path: Path, what: str) -> None:
    each(tmp_path, what, 97)


@pytest.mark.host
@pytest.mark.parametrize("what", ["apply", "rollback"])
def test_an_error_in_many_calls_leaves_old_or_new_and_the_next_run_goes_on(tmp_path: Path, what: str) -> None:
    each(tmp_path, what, 9)


@pytest.mark.host
@pytest.mark.soak
@pytest.mark.parametrize("what", ["apply", "rollback"])
@pytest.mark.timeout(3000)
def test_an_error_in_any_call_leaves_old_or_new_and_the_next_run_goes_on(tmp_path: Path, what: str) -> None:
    each(tmp_path, what, 1)
