"""The cache that hosts are built from: nothing half-built is ever used, nothing is built twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hosts import cache, progress
from tests.hosts.errors import BuildError

KILLED = """
import time
from pathlib import Path
from tests.hosts import cache

def build(into):
    (into / "half").touch()
    print("building", flush=True)
    time.sleep(60)

cache.entry("part", 1, build, folder=Path({folder!r}))
"""


def fill(text: str) -> Callable[[Path], None]:
    def build(into: Path) -> None:
        (into / "file").write_text(text)

    return build


def never(into: Path) -> None:
    raise AssertionError(f"{into} was built again")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_an_entry_is_built_once(tmp_path: Path) -> None:
    place = cache.entry("part", 1, fill("one"), folder=tmp_path)
    assert cache.entry("part", 1, never, folder=tmp_path) == place
    assert (place / "file").read_text() == "one"


def test_an_entry_gets_what_it_needs_only_when_it_is_built(tmp_path: Path) -> None:
    def copy(into: Path, needed: Path) -> None:
        (into / "file").write_text((needed / "file").read_text() * 2)

    def need() -> Path:
        return cache.entry("need", 1, fill("x"), folder=tmp_path)

    place = cache.entry("part", 1, copy, need, folder=tmp_path)
    assert (place / "file").read_text() == "xx"
    cache.entry("part", 1, never, lambda: pytest.fail("not needed"), folder=tmp_path)


def test_an_entry_of_an_older_recipe_is_removed(tmp_path: Path) -> None:
    cache.entry("part", 1, fill("old"), folder=tmp_path)
    other = cache.entry("part-other", 1, fill("other"), folder=tmp_path)
    new = cache.entry("part", 2, fill("new"), folder=tmp_path)
    assert names(tmp_path) == sorted((new.name, other.name))


def test_an_entry_in_use_is_not_removed(tmp_path: Path) -> None:
    old = cache.entry("part", 1, fill("old"), folder=tmp_path)
    held = cache.hold(old / "file", folder=tmp_path)
    cache.entry("part", 2, fill("new"), folder=tmp_path)
    assert (old / "file").read_text() == "old"
    os.close(held)
    cache.entry("part", 3, fill("newer"), folder=tmp_path)
    assert not old.exists()


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        cache.entry("part", 1, never, folder=tmp_path)
    assert names(tmp_path) == []
    cache.entry("part", 1, fill("good"), folder=tmp_path)


def test_a_build_that_was_killed_is_begun_again(tmp_path: Path) -> None:
    script = KILLED.format(folder=str(tmp_path))
    with subprocess.Popen((sys.executable, "-c", script), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout
        assert run.stdout.readline() == b"building\n"
        run.kill()
    assert len(names(tmp_path)) == 1  # in a hidden folder
    place = cache.entry("part", 1, fill("whole"), folder=tmp_path)
    assert names(tmp_path) == [place.name]
    assert names(place) == ["file"]


def test_two_runs_at_the_same_time_build_once(tmp_path: Path) -> None:
    builds: list[Path] = []

    def slow(into: Path) -> None:
        builds.append(into)
        time.sleep(0.2)

    threads = [threading.Thread(target=cache.entry, args=("part", 1, slow), kwargs={"folder": tmp_path}) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(builds) == 1


def test_the_first_failure_ends_what_is_built_beside_it(tmp_path: Path) -> None:
    def sleep() -> Path:
        progress.run("sleep", ("/bin/sleep", "infinity"), tmp_path / "log")
        return tmp_path

    def fail() -> Path:
        time.sleep(0.2)
        raise BuildError("no")

    with pytest.raises(BuildError, match="no"):
        cache.together(sleep, fail)
    assert not progress._children


def test_a_program_that_fails_shows_its_last_lines(tmp_path: Path) -> None:
    script = ("/bin/sh", "-c", "seq 100; exit 3")
    with pytest.raises(BuildError, match=r"(?s)counting: /bin/sh ended with status 3\n86\n.*100$"):
        progress.run("counting", script, tmp_path / "log")


def test_what_downloads_is_begun_again(tmp_path: Path) -> None:
    script = ("/bin/sh", "-c", 'echo once more >>"$0"; [ "$(wc -l <"$0")" -ge 3 ]', str(tmp_path / "times"))
    progress.run("counting", script, tmp_path / "log", tries=3)
    (tmp_path / "times").unlink()
    with pytest.raises(BuildError, match="ended with status 1"):
        progress.run("counting", script, tmp_path / "log", tries=2)


def test_ctrl_c_ends_a_build_and_removes_it(tmp_path: Path) -> None:
    script = (
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's `&` ignores it
        "from pathlib import Path\nfrom tests.hosts import cache, progress\n"
        "def build(into):\n progress.run('sleep', ('/bin/sleep', '60'), into.parent / 'log')\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "cache.together(lambda: cache.entry('part', 1, build, folder=folder))\n"
    )
    with subprocess.Popen((sys.executable, "-c", script), stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr
        assert run.stderr.readline().endswith("part: building\n")
        while not list(tmp_path.glob(".part.*/log")):
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in run.stderr.read()
    assert names(tmp_path) == []
