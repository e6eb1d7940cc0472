"""A cache for results that are slow to build. Each entry is a folder named after the digest of its recipe.

An entry is built in a temporary folder and renamed when it is complete, under a lock. A killed build therefore never
leaves an entry that looks complete, and two concurrent runs do not build it twice. Users of an entry hold a shared
lock on it, so that a run with a newer recipe does not remove it.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from pathlib import Path

from tests.hosts import progress

FOLDER = Path(os.environ.get("PROVISIONER_CACHE") or "/var/cache/provisioner-hosts")


def digest(recipe: object) -> str:
    """Return a digest that identifies a recipe. The repr of ``recipe`` must contain everything that affects it."""
    return hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]


def entry(
    name: str, recipe: object, build: Callable[..., None], *needs: Callable[[], Path], folder: Path = FOLDER
) -> Path:
    """Return the folder of an entry.

    If it does not exist, call ``build`` with a folder to fill and with the results of ``needs``.
    """
    place = folder / f"{name}-{digest(recipe)}"
    if place.is_dir():
        return place
    folder.mkdir(parents=True, exist_ok=True)
    needed = together(*needs)
    with locked(folder / f"{name}.lock", f"{name}: waiting for who builds it"):
        if place.is_dir():  # another run built it in the meantime
            return place
        for leftover in folder.glob(f".{name}.*"):
            shutil.rmtree(leftover)
        _build(name, place, lambda into: build(into, *needed))
        for stale in _others(name, place):
            _remove_unless_used(stale)
    return place


def kept(
    name: str, recipe: object, build: Callable[..., None], *needs: Callable[[], Path], folder: Path = FOLDER
) -> Path:
    """Return the folder of an entry that programs of this machine use. It stays until this process ends."""
    place = entry(name, recipe, build, *needs, folder=folder)
    if place not in _kept:
        _kept[place] = hold(place, folder)
    return place


_kept: dict[Path, int] = {}


def together(*tasks: Callable[[], Path]) -> list[Path]:
    """Run independent tasks at the same time. The first failure, or Ctrl-C, ends all of them."""
    futures: list[Future[Path]] = [Future() for _ in tasks]
    threads = [threading.Thread(target=_do, args=pair, daemon=True) for pair in zip(tasks, futures, strict=True)]
    try:
        for thread in threads:
            thread.start()
        # The timeout is needed because a signal just before an endless wait would be noticed only after it.
        while any(not future.done() for future in futures):
            done, _ = wait(futures, timeout=0.1, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
    except BaseException:
        _end(threads)
        raise
    return [future.result() for future in futures]


@contextlib.contextmanager
def locked(path: Path, waiting: str = "") -> Iterator[None]:
    """Hold the exclusive lock of a file. Print ``waiting`` if another process holds it."""
    with path.open("w") as file:
        if waiting and not _try_lock(file.fileno()):
            progress.say(waiting)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hold(place: Path, folder: Path = FOLDER) -> int:
    """Take a shared lock on the entry that contains a folder. Closing the returned descriptor releases it."""
    top = folder / place.relative_to(folder).parts[0]
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _do(task: Callable[[], Path], future: Future[Path]) -> None:
    try:
        future.set_result(task())
    except BaseException as problem:  # raised again in the thread that waits for the future
        future.set_exception(problem)


def _end(threads: list[threading.Thread], patience: float = 5) -> None:
    """Kill the programs that threads run or still start, so that the threads remove what they were building."""
    until = time.monotonic() + patience
    while time.monotonic() < until and any(thread.is_alive() for thread in threads):
        progress.stop()
        time.sleep(0.05)


def _build(name: str, place: Path, build: Callable[[Path], None]) -> None:
    progress.say(f"{name}: building")
    started = time.monotonic()
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=place.parent))
    result = scratch / "result"
    try:
        result.mkdir()
        build(result)
        result.rename(place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    progress.say(f"{name}: built in {time.monotonic() - started:.0f} s")


def _others(name: str, place: Path) -> list[Path]:
    same = [other for other in place.parent.glob(f"{name}-*") if len(other.name) == len(place.name)]
    return [other for other in same if other != place and other.is_dir()]


def _remove_unless_used(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _try_lock(descriptor):
            # Rename it first, so that a half-removed entry never has the name of a complete one.
            name, _, recipe = place.name.rpartition("-")
            gone = place.with_name(f".{name}.{recipe}")
            place.rename(gone)
            shutil.rmtree(gone)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
